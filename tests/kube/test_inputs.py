"""What cannot be read in an input, and where it stands."""

import pytest

from drainproxy.kube.halves import Half
from tests.kube.test_batch import DEPLOYMENT, POLICY, SERVICE, inject, join


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SERVICE.replace("port: 80\n", 'port: "80"\n'), "is no Service: "),
        (SERVICE.replace("app: web", "app: 1"), "is no Service: label app is a number"),
        (POLICY.replace("app: web", "app: 1"), "is no NetworkPolicy: label app is a number"),
        (POLICY.replace("8080", '"8080"'), "is no NetworkPolicy: digits in quotes"),
    ],
)
def test_what_leads_clients_and_cannot_be_read_is_an_error(text: str, problem: str) -> None:
    result = inject(join(DEPLOYMENT, text))

    assert result.failed
    assert not result.text
    (error,) = [each for each in result.lines if each.outcome == "error"]
    assert error.problems[0].startswith(problem)


@pytest.mark.parametrize(
    "text",
    [
        SERVICE.replace("name: web", 'name: "{{ .Release.Name }}"'),
        SERVICE.replace("port: 80\n", 'port: "{{ .Values.port }}"\n'),
        POLICY.replace("name: front", "name: '{{ include \"x.name\" . }}'"),
        DEPLOYMENT.replace("web:1", '"{{ .Values.image }}"'),
        DEPLOYMENT.replace("web:1", '"{{ .Values.image }}"').replace("apps/v1", "a.example/v1"),
    ],
)
@pytest.mark.parametrize("only", [None, "services", "workloads"])
def test_whatever_makes_pods_or_leads_to_them_is_rendered_first(
    text: str, only: Half | None
) -> None:
    (line,) = inject(text, only=only).lines

    assert line.outcome == "error"
    assert "render it first" in line.problems[0]


def test_braces_elsewhere_are_no_template() -> None:
    alert = "apiVersion: v1\nkind: ConfigMap\ndata: {a: '{{ .Values.x }}'}\n"
    assert not inject(join(DEPLOYMENT, alert)).failed
