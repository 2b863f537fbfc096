"""How clients are led to the sidecar: names, a changed Service, or a redirect."""

import json

import pytest
from msgspec.structs import replace

from drainproxy.config.addresses import parse_forwards
from drainproxy.kube.annotations import Choice, InjectionOptions
from drainproxy.kube.capture import Capture, choose
from drainproxy.kube.leads import Around, CaptureQuestion, unchangeable
from drainproxy.kube.ports import PortTakeover
from drainproxy.manifests.podspec import Json, read
from drainproxy.manifests.services import Service, services
from tests.kube.pods import pod

HTTP: Json = {"name": "http", "containerPort": 8080}
GRPC: Json = {"name": "grpc", "containerPort": 50051}
NAMELESS: Json = {"containerPort": 8080}
PROBE: Json = {"httpGet": {"port": 8080, "path": "/"}}


def service(
    *targets: int | str, name: str = "web", headless: bool = False, **more: object
) -> Service:
    """One with a port for each target: 80, 81 and so on."""
    ports = [{"name": f"p{at}", "port": 80 + at, "targetPort": t} for at, t in enumerate(targets)]
    spec = {"selector": {"app": "web"}, "ports": ports, **more}
    if headless:
        spec["clusterIP"] = "None"
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
    (found,) = services([body])
    return found


def ask(
    before: Json,
    *leading: Service,
    capture: str = "auto",
    ports: tuple[Choice, ...] | None = None,
    forwards: str | None = None,
    **around: object,
) -> Capture:
    known: dict[str, object] = {"services": leading, "objection": lambda *_: "", **around}
    question = CaptureQuestion(
        pod=read(before),
        pod_options=InjectionOptions(capture=capture, ports=ports),  # type: ignore[arg-type] # a text
        around=Around(**known),  # type: ignore[arg-type]
        reserved=(9180,),
        forwards=parse_forwards(forwards) if forwards else None,
    )
    return choose(question)


def rewrites(found: Capture) -> list[tuple[str, int, int | str]]:
    return [(each.service.name, each.port.port, each.target) for each in found.rewrites]


def test_names_are_enough_where_every_service_targets_one() -> None:
    found = ask(pod(HTTP, GRPC), service("http"), service("grpc", name="rpc"))

    assert str(found) == "names: web 80 -> http, rpc 80 -> grpc"
    assert found.ports == [
        PortTakeover(port=8080, listen=9181, name="http", renamed="app-http"),
        PortTakeover(port=50051, listen=9182, name="grpc", renamed="app-grpc"),
    ]
    assert found.captures
    assert not found.past


def test_names_without_a_service_are_unproved() -> None:
    assert str(ask(pod(HTTP))) == "names; no Service in this input, unproved"
    assert str(ask(pod(HTTP), place="selects it")).endswith("no Service selects it, unproved")


def test_a_service_that_targets_a_number_comes_to_target_its_name() -> None:
    found = ask(pod(HTTP, GRPC), service(8080))

    assert str(found) == "service rewrite: web 80 -> http"
    assert rewrites(found) == [("web", 80, "http")]
    assert not found.rewrites[0].takes_two_steps
    assert [each.name for each in found.ports] == ["http"], "nobody targets grpc"
    assert found.reason == "Service web targets 8080"


@pytest.mark.parametrize("before", [pod(NAMELESS), pod({"containerPort": 9999})])
def test_without_a_name_it_comes_to_target_the_sidecars_number(before: Json) -> None:
    found = ask(before, service(8080))

    assert str(found) == "service rewrite: web 80 -> 9181"
    assert found.rewrites[0].takes_two_steps
    assert found.ports == [PortTakeover(port=8080, listen=9181)]


def test_the_port_itself_is_the_target_where_no_other_is_given() -> None:
    (bare,) = services(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "reviews"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 9080}]},
            }
        ]
    )
    assert str(ask(pod({"containerPort": 9080}), bare)) == "service rewrite: reviews 9080 -> 9181"


def test_services_of_different_styles_are_each_led_their_own_way() -> None:
    found = ask(pod(HTTP, {"containerPort": 9000}), service("http"), service(8080, 9000, name="x"))

    assert str(found) == "service rewrite: web 80 -> http, x 80 -> http, x 81 -> 9182"
    assert rewrites(found) == [("x", 80, "http"), ("x", 81, 9182)]


def test_a_name_that_leads_elsewhere_first_is_not_used() -> None:
    before = pod(HTTP)
    second = {"name": "second", "image": "s", "ports": [{"name": "http", "containerPort": 9000}]}
    before["spec"]["containers"].append(second)

    assert rewrites(ask(before, service(9000))) == [("web", 80, 9181)]
    assert ask(before, service("http")).ports[0].port == 8080


def test_names_of_native_sidecars_of_others_are_taken_over_if_a_service_targets_them() -> None:
    before = pod(HTTP)
    auth = {"name": "auth", "image": "a", "ports": [{"name": "auth", "containerPort": 4180}]}
    before["spec"]["initContainers"] = [{**auth, "restartPolicy": "Always"}]

    assert [each.port for each in ask(before, service("auth")).ports] == [4180]
    assert [each.port for each in ask(before).ports] == [8080]
    before["spec"]["initContainers"] = [auth]
    assert ask(before, service("auth")).nowhere, "an init container that ends serves nobody"


def test_where_a_service_cannot_be_changed_clients_are_redirected() -> None:
    found = ask(pod(HTTP, GRPC), service(8080), objection=unchangeable)

    assert found.mode == "redirect"
    assert found.ports == [PortTakeover(port=8080, listen=9181)]
    assert found.reason == "Service web targets 8080: that cannot be changed here"
    assert str(found).startswith("redirect: 8080 -> 9181; Service web targets 8080")
    assert found.captures


def test_where_a_redirect_is_forbidden_too_it_says_what_passes_by() -> None:
    forbidden = "the level of the namespace forbids NET_ADMIN"
    found = ask(pod(HTTP), service(8080), objection=unchangeable, no_redirect=forbidden)

    assert found.mode == "names"
    assert found.obstacles == ["Service web targets 8080: that cannot be changed here"]
    assert forbidden in found.reason
    assert not found.captures
    assert ask(pod(NAMELESS), no_redirect=forbidden).mode is None


def test_where_a_redirect_is_to_be_asked_for_only_who_asks_is_redirected() -> None:
    def found(capture: str) -> Capture:
        return ask(
            *(pod(HTTP), service(8080)),
            capture=capture,
            objection=unchangeable,
            redirects_if_asked="it may be refused",
        )

    assert found("auto").mode == "names"
    assert "no redirect: it may be refused" in found("auto").reason
    assert found("redirect").mode == "redirect"


def test_an_objection_to_a_name_leaves_the_number() -> None:
    found = ask(pod(HTTP), service(8080), objection=lambda _s, _p, target: str(target)[4:] and "no")

    assert rewrites(found) == [("web", 80, "http")]
    found = ask(pod(HTTP), service(8080), objection=lambda _s, _p, to: "no" * (to == "http"))
    assert rewrites(found) == [("web", 80, 9181)]


def test_ports_without_a_name_and_a_service_are_redirected() -> None:
    found = ask(pod(NAMELESS))

    assert found.mode == "redirect"
    assert found.reason == "port 8080 has no name, and no Service in this input leads to it"
    assert [each.port for each in ask(pod(HTTP, {"containerPort": 9000})).ports] == [8080, 9000]


def test_a_port_that_a_probe_names_is_enough_where_none_is_declared() -> None:
    before = pod(HTTP, readinessProbe=PROBE)
    before["spec"]["containers"][0]["ports"] = []

    assert ask(before).ports == [PortTakeover(port=8080, listen=9181)]
    assert ask(before).mode == "redirect"
    assert ask(pod({"containerPort": 9000}, readinessProbe=PROBE)).ports[0].port == 9000


def test_where_nothing_is_known_of_a_port_there_is_nothing_to_take_over() -> None:
    before = pod()
    before["spec"]["containers"][0]["ports"] = []

    assert ask(before).mode is None
    assert "neither a Service nor a probe names one" in str(ask(before))
    assert not ask(before).captures


def test_without_any_knowledge_of_services_names_are_taken_and_nothing_else() -> None:
    assert str(ask(pod(HTTP, NAMELESS), services=None)) == "names; the Services are not known"
    assert ask(pod(NAMELESS), services=None).mode is None


def test_clients_of_headless_services_alone_are_redirected() -> None:
    found = ask(pod(HTTP), service("http", headless=True))

    assert found.mode == "redirect"
    assert found.reason == "Service web is headless"


def test_beside_another_service_a_headless_one_is_for_the_pods() -> None:
    found = ask(pod(HTTP), service("http"), service(8080, headless=True, name="peers"))

    assert rewrites(found) == [("peers", 80, "http")], "for those who look up SRV records"
    assert found.captures


def test_what_is_no_tcp_service_leads_nobody() -> None:
    outside = service(8080, type="ExternalName")
    (dns,) = services(
        [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 53, "protocol": "UDP"}]},
            }
        ]
    )
    assert str(ask(pod(HTTP), outside, dns)) == "names; no Service in this input, unproved"


def test_a_target_that_nobody_declares_is_told_and_hinders_nothing() -> None:
    found = ask(pod(HTTP), service("https", 8080))

    assert found.nowhere == ["Service web targets https, which no container declares"]
    assert rewrites(found) == [("web", 81, "http")]


def test_services_that_all_lead_nowhere_capture_nothing_and_ask_for_no_redirect() -> None:
    why = "Service web targets https, which no container declares"
    named, nameless = ask(pod(HTTP), service("https")), ask(pod(NAMELESS), service("https"))
    by_hand = ask(pod(HTTP), service("https"), capture="redirect")

    assert (named.mode, named.reason) == ("names", why)
    assert (nameless.mode, nameless.reason) == (None, why)
    assert by_hand.mode == "redirect"
    for found in (named, nameless, by_hand):
        assert (found.captures, found.missed) == (False, why)


def test_a_service_that_was_changed_before_leads_to_the_sidecar_already() -> None:
    def changed(target: int | str, **record: object) -> Service:
        found = service(target)
        annotation = {"drainproxy.io/status": json.dumps({"version": "1", **record})}
        return replace(found, metadata=replace(found.metadata, annotations=annotation))

    pointer = "/spec/ports/name=p0/targetPort"
    to_number = changed(9181, changed={pointer: 8080})
    to_name = changed("http", changed={pointer: 8080})

    for found in (
        ask(pod(NAMELESS), to_number, objection=unchangeable),
        ask(pod({"containerPort": 80}), changed(9181, added=[pointer]), objection=unchangeable),
        ask(pod(HTTP), to_name, objection=unchangeable),
    ):
        assert (found.mode, found.captures, found.rewrites) == ("names", True, [])
        assert found.ports[0].listen == 9181
    assert ask(pod(HTTP), changed(8080, added=3), objection=unchangeable).mode == "redirect"


def test_by_hand_names_leave_services_alone_and_say_what_passes_by() -> None:
    found = ask(pod(HTTP, GRPC), service(8080), service("grpc", name="rpc"), capture="names")

    assert [each.name for each in found.ports] == ["grpc"]
    assert found.obstacles == ["Service web targets 8080"]
    assert found.captures
    assert not ask(pod(HTTP), service(8080), capture="names").captures
    assert ask(pod(NAMELESS), service(8080), capture="names").mode is None


def test_by_hand_a_redirect_takes_every_port_once_and_renames_none() -> None:
    found = ask(pod(HTTP, GRPC, {"name": "web", **NAMELESS}), service("http"), capture="redirect")

    assert found.ports == [
        PortTakeover(port=8080, listen=9181),
        PortTakeover(port=50051, listen=9182),
    ]
    assert not found.rewrites


def test_the_pod_chooses_by_name_or_number_and_says_what_is_spoken() -> None:
    choices = (Choice("50051", "http"), Choice("http"))
    found = ask(pod(HTTP, GRPC), service("http"), ports=choices)

    assert [(each.port, each.protocol) for each in found.ports] == [(50051, "http"), (8080, "auto")]


def test_what_the_pod_did_not_choose_is_left_to_pass_by() -> None:
    found = ask(pod(HTTP, GRPC), service("http", 50051), ports=(Choice("http"),))

    assert found.left == ["Service web targets 50051"]
    assert found.mode == "names"
    assert not ask(pod(HTTP, GRPC), service(50051), ports=(Choice("http"),)).captures


@pytest.mark.parametrize("capture", ["redirect", "auto"])
def test_a_port_that_nothing_declares_can_be_chosen_by_number(capture: str) -> None:
    before = pod(GRPC)

    found = ask(before, capture=capture, ports=(Choice("8080"),))
    assert found.mode == "redirect"
    assert found.ports == [PortTakeover(port=8080, listen=9181)]


def test_a_choice_that_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(ValueError, match="'https' is no TCP port of this pod: it has http, 7000"):
        ask(pod(HTTP, {"containerPort": 7000}), ports=(Choice("https"),))
    with pytest.raises(ValueError, match="it has none"):
        ask(pod({"name": "dns", "containerPort": 53, "protocol": "UDP"}), ports=(Choice("dns"),))
    with pytest.raises(ValueError, match="'7001' is no TCP port"):
        ask(pod(HTTP), capture="names", ports=(Choice("7001"),))
    with pytest.raises(ValueError, match="port 8080 has no name to take over"):
        ask(pod(NAMELESS), capture="names", ports=(Choice("8080"),))
    with pytest.raises(ValueError, match="port 8080 has no name to take over"):
        ask(pod(NAMELESS), services=None, ports=(Choice("8080"),))


def test_where_the_pod_says_what_is_forwarded_services_follow() -> None:
    moved = ask(pod(HTTP), service(7000), forwards="7000=8080")
    named = ask(pod(HTTP), service("http"), forwards="7000=8080")
    number = ask(pod(HTTP), service(8080), forwards="7000=8080")
    other = ask(pod(HTTP, GRPC), service("grpc"), forwards="7000=8080")
    socket = ask(pod(HTTP), service(7000), forwards="7000=unix:/run/app")

    assert (str(moved), rewrites(moved)) == ("names: web 80 -> 7000", [])
    assert str(named) == "names: web 80 -> http"
    assert rewrites(number) == [("web", 80, "http")]
    assert (other.left, other.captures) == (["Service web targets grpc"], False)
    assert (socket.mode, socket.captures) == ("names", True)
    assert ask(pod(HTTP), forwards="7000=unix:/run/app", capture="redirect").mode is None


def test_the_sidecar_listens_where_nobody_else_does() -> None:
    busy = [{"containerPort": 9181}, {"containerPort": 9183}]

    assert [each.listen for each in ask(pod(HTTP, *busy), service(8080, 9182)).ports] == [
        9184,
        9185,
    ]


def test_what_a_service_says_of_the_protocol_counts() -> None:
    def spoken(port: Json, **of_service: object) -> str:
        body = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {},
            "spec": {"ports": [{"port": 80, "targetPort": 8080, **of_service}]},
        }
        return ask(pod(port), *services([body])).ports[0].protocol

    assert spoken(NAMELESS) == "auto"
    assert spoken(NAMELESS, appProtocol="SMTP") == "tcp"
    assert spoken(NAMELESS, name="tcp-game") == "tcp"
    assert spoken({"name": "mysql", **NAMELESS}, appProtocol="kubernetes.io/h2c") == "auto"
    assert spoken({"name": "http", **NAMELESS}, name="redis") == "auto"
