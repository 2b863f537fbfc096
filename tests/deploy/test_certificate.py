"""Who makes the webhook's certificate, and who trusts it."""

import base64

import pytest

from tests.deploy.chart import CASES, PEM, WEBHOOK, keeps_its_own, of_kind, only, pod
from tests.deploy.helm import NAMESPACE, RELEASE, render


def test_the_chart_draws_no_key_so_that_each_render_is_the_same() -> None:
    first, second = render({}, {})
    assert first.files == second.files
    assert only("default", "Secret").keys() & {"data", "stringData"} == set()
    for hook in only("default", WEBHOOK)["webhooks"]:
        assert "caBundle" not in hook["clientConfig"]


def test_the_webhook_makes_its_certificate_for_the_name_that_the_api_server_calls() -> None:
    flags = pod("default")["spec"]["containers"][0]["args"]
    service = only("default", WEBHOOK)["webhooks"][0]["clientConfig"]["service"]
    assert f"--tls-host={service['name']}.{service['namespace']}.svc" in flags
    secret = only("default", "Secret")["metadata"]
    assert f"--tls-secret={secret['namespace']}/{secret['name']}" in flags
    assert f"--webhook-configuration={only('default', WEBHOOK)['metadata']['name']}" in flags


def test_for_its_certificate_it_may_change_one_secret_and_its_own_configuration() -> None:
    (rule,) = only("default", "Role")["rules"]
    secret = only("default", "Secret")["metadata"]["name"]
    assert (rule["resourceNames"], rule["verbs"]) == ([secret], ["get", "patch"])
    (rule,) = (
        rule
        for rule in only("default", "ClusterRole")["rules"]
        if rule["resources"] == ["mutatingwebhookconfigurations"]
    )
    name = only("default", WEBHOOK)["metadata"]["name"]
    assert (rule["resourceNames"], rule["verbs"]) == ([name], ["get", "patch"])
    for case in ("cert-manager", "external with a CA", "a certificate of our own"):
        assert of_kind(case, "Role") == of_kind(case, "RoleBinding") == []
        assert "mutatingwebhookconfigurations" not in str(only(case, "ClusterRole"))


def test_a_certificate_of_our_own_is_what_is_mounted_and_trusted() -> None:
    case = "a certificate of our own"
    data = only(case, "Secret")["data"]
    for hook in only(case, WEBHOOK)["webhooks"]:
        assert hook["clientConfig"]["caBundle"] == data["ca.crt"]
    assert {base64.b64decode(text).decode() for text in data.values()} == {PEM}


def test_with_cert_manager_an_authority_outlives_the_certificates_that_it_signs() -> None:
    by_name = {each["metadata"]["name"]: each["spec"] for each in of_kind("cert-manager", "Issuer")}
    authority, leaf = sorted(
        (each["spec"] for each in of_kind("cert-manager", "Certificate")),
        key=lambda spec: not spec.get("isCA"),
    )
    assert by_name[authority["issuerRef"]["name"]] == {"selfSigned": {}}
    assert by_name[leaf["issuerRef"]["name"]] == {"ca": {"secretName": authority["secretName"]}}
    assert of_kind("cert-manager with an issuer", "Issuer") == []


@pytest.mark.parametrize("case", CASES)
def test_the_webhook_mounts_the_secret_that_is_made_for_it(case: str) -> None:
    mounts = [
        volume["secret"]["secretName"]
        for volume in pod(case)["spec"]["volumes"]
        if volume["name"] == "tls"
    ]
    if keeps_its_own(case):
        assert mounts == []
        return
    (mounted,) = mounts
    made = [secret["metadata"]["name"] for secret in of_kind(case, "Secret")]
    certificates = [made["spec"] for made in of_kind(case, "Certificate")]
    made += [spec["secretName"] for spec in certificates if not spec.get("isCA")]
    elsewhere = CASES[case].get("webhook", {}).get("externalSecret", False)
    assert made == ([] if elsewhere else [mounted])
    assert mounted == ("ours" if elsewhere else made[0])


@pytest.mark.parametrize(
    ("case", "annotation"),
    [
        ("cert-manager", ("inject-ca-from", f"{NAMESPACE}/{RELEASE}-webhook-tls")),
        ("external, CA from a Certificate", ("inject-ca-from", "ns/cert")),
        ("external, CA from a Secret", ("inject-ca-from-secret", "ns/secret")),
    ],
)
def test_cert_manager_is_told_where_the_ca_is(case: str, annotation: tuple[str, str]) -> None:
    configuration = only(case, WEBHOOK)
    name, value = annotation
    assert configuration["metadata"]["annotations"] == {f"cert-manager.io/{name}": value}
    assert all("caBundle" not in hook["clientConfig"] for hook in configuration["webhooks"])
