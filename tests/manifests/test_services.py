"""Services that lead to pods."""

import re

import pytest

from drainproxy.manifests.misfits import Misfit
from drainproxy.manifests.podspec import Json
from drainproxy.manifests.services import Service, services
from drainproxy.manifests.services import service as find


def service(*ports: Json, **more: object) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [*ports]},
        **more,
    }


def one(*ports: Json, **more: object) -> Service:
    (found,) = services([service(*ports, **more)])
    return found


def test_the_target_is_the_port_itself_unless_another_is_named() -> None:
    ports: list[Json] = [
        {"port": 80},
        {"port": 80, "targetPort": 8080},
        {"port": 80, "targetPort": "http"},
    ]

    assert [port.target for port in one(*ports).ports] == [80, 8080, "http"]
    assert [port.is_numeric for port in one(*ports).ports] == [True, True, False]


def test_only_tcp_is_led_to_a_sidecar() -> None:
    assert one({"port": 53, "protocol": "UDP", "targetPort": "dns"}).ports == []
    assert one(spec={"type": "ExternalName", "ports": [{"port": 80}]}).ports == []


def test_a_service_selects_pods_of_its_namespace_that_have_all_its_labels() -> None:
    labels = {"app": "web", "tier": "front"}

    assert one().selects("", labels)
    assert not one().selects("", {"app": "other"})
    assert not one().selects("shop", labels)
    assert one(metadata={"name": "web", "namespace": "shop"}).selects("shop", labels)
    assert not one(spec={"ports": []}).selects("", labels), "without a selector it selects nothing"


def test_a_label_without_a_value_is_the_empty_text() -> None:
    found = one(spec={"selector": {"app": "web", "tier": None}})

    assert found.selects("", {"app": "web", "tier": ""})
    assert not found.selects("", {"app": "web", "tier": "front"})


@pytest.mark.parametrize("body", [service(spec=None), {**service(), "spec": {}}])
def test_a_service_of_which_nothing_is_said_leads_nowhere(body: Json) -> None:
    (found,) = services([body])

    assert not found.ports
    assert not found.selects("", {"app": "web"})


def test_a_headless_service_has_no_address_of_its_own() -> None:
    headless = {"selector": {"app": "web"}, "clusterIP": "None", "ports": []}

    assert one(spec=headless).is_headless
    assert not one().is_headless


@pytest.mark.parametrize(
    ("body", "problem", "path"),
    [
        (service({"port": "80"}), "Expected `int`, got `str`", ("spec", "ports", 0, "port")),
        (service({"port": 80}, {"port": 0}), "Expected `int` >= 1", ("spec", "ports", 1, "port")),
        (service({"targetPort": 80}), "required field `port`", ("spec", "ports", 0)),
        (
            service({"port": 80, "targetPort": "8080"}),
            "digits in quotes name no port: take the quotes away",
            ("spec", "ports", 0, "targetPort"),
        ),
        (service(spec={"ports": 3}), "got `int`", ("spec", "ports")),
        (
            service(spec={"selector": {"app": "web", "version": 1}}),
            "is no Service: label version is a number: put it in quotes",
            ("spec", "selector", "version"),
        ),
        (service(spec=[]), "is no Service: Expected `object`", ("spec",)),
    ],
)
def test_a_service_that_kubernetes_would_not_take_is_named(
    body: Json, problem: str, path: tuple[str | int, ...]
) -> None:
    with pytest.raises(Misfit, match=re.escape(problem)) as caught:
        find(body)
    assert caught.value.path == path


def test_what_is_no_service_or_cannot_be_read_is_left_out() -> None:
    bodies: list[Json] = [
        {"kind": "Deployment"},
        service(apiVersion="serving.knative.dev/v1"),
        service({"port": "eighty"}),
        service(metadata={}),
    ]
    assert [found.name for found in services(bodies)] == ["?"]
