"""What cannot be read in an input, and where it stands."""

import json

import pytest
import yaml

from drainproxy.kube.batch import uninject_all
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


@pytest.mark.parametrize("field", ["kind", "apiVersion"])
def test_an_object_without_one_of_the_fields_that_say_what_it_is_is_an_error(field: str) -> None:
    half = "".join(line for line in SERVICE.splitlines(keepends=True) if not line.startswith(field))
    result = inject(join(DEPLOYMENT, half))

    assert result.failed
    (error,) = [each for each in result.lines if each.outcome == "error"]
    assert error.problems[0].endswith(f"but no {field}")
    assert error.line == DEPLOYMENT.count("\n") + 2


def test_objects_in_a_list_of_no_kind_are_an_error() -> None:
    """jq prints such; they were passed over in silence."""
    result = inject(f"{DEPLOYMENT}---\n{json.dumps([yaml.safe_load(SERVICE)])}\n")

    (error,) = [each for each in result.lines if each.outcome == "error"]
    assert error.problems[0].startswith("is a list of objects")
    assert error.line == DEPLOYMENT.count("\n") + 2


def test_braces_elsewhere_are_no_template() -> None:
    alert = "apiVersion: v1\nkind: ConfigMap\ndata: {a: '{{ .Values.x }}'}\n"
    assert not inject(join(DEPLOYMENT, alert)).failed


LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: web}
  spec:
    ports:
    - port: "80"
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web}
  spec:
    template:
      metadata:
        annotations:
          a: b
          drainproxy.io/drain-delay: "3"
      spec:
        containers:
        - name: web
          image: web:1
          ports:
          - containerPort: 8080
"""


def test_an_error_names_the_line_of_what_is_wrong_and_its_path_in_the_object() -> None:
    service, deployment = inject(LIST).lines

    assert (service.line, deployment.line) == (9, 18)
    assert service.problems[0].endswith("- at `$.spec.ports[0].port`")
    (port,) = [
        each
        for each in inject(LIST.replace("8080", "99999")).lines
        if each.object == "deployment/web"
    ]
    assert port.line == 24
    assert port.problems == [
        "is no pod: Expected `int` <= 65535"
        " - at `$.spec.template.spec.containers[0].ports[0].containerPort`"
    ]


def test_each_object_of_a_list_has_a_line_of_its_own() -> None:
    right = LIST.replace('"80"', "80").replace('"3"', "3s")
    assert [each.line for each in inject(right).lines] == [10]
    moved = "# a comment\n---\n# another\n" + right
    assert [each.line for each in inject(moved).lines] == [13]


def test_of_several_mistakes_each_says_its_line() -> None:
    wrong = LIST.replace('"80"', "80").replace("a: b", 'drainproxy.io/nosuch: ""')
    (line,) = inject(wrong).lines

    assert line.line == 17
    assert sorted(each.partition(":")[0] for each in line.problems) == ["line 17", "line 18"]


@pytest.mark.parametrize("spec", ["3", "[]", "text", "{template: 3}"])
def test_an_object_that_cannot_have_a_pod_template_is_an_error(spec: str) -> None:
    (line,) = inject(f"apiVersion: apps/v1\nkind: Deployment\nspec: {spec}\n").lines

    assert (line.outcome, line.line) == ("error", 3)
    assert line.problems[0].startswith("is no Deployment: a mapping must stand there, not ")


def test_what_a_flag_says_is_told_of_the_flag() -> None:
    flag, own = "drainproxy.io/ports", "drainproxy.io/drain-delay"
    given = inject(DEPLOYMENT, given={flag: "nosuch"}).lines[0]
    both = inject(LIST.replace('"80"', "80"), given={flag: "nosuch"}).lines[0]

    assert given.problems[0].startswith("flag --ports: 'nosuch' is no TCP port")
    assert {each.split(": ")[1] for each in both.problems} == {"flag --ports", f"annotation {own}"}


@pytest.mark.parametrize(
    ("kind", "version", "body"),
    [
        ("DeploymentList", "apps/v1", DEPLOYMENT.partition("metadata")[2]),
        ("PodList", "v1", DEPLOYMENT.partition("    metadata")[2].replace("\n    ", "\n")),
    ],
)
def test_items_of_a_typed_list_need_no_kind_and_get_none(
    kind: str, version: str, body: str
) -> None:
    item = ("metadata" + body).replace("\n", "\n  ").rstrip() + "\n"
    before = f"apiVersion: {version}\nkind: {kind}\nitems:\n- {item}"
    done = inject(before)

    assert [each.outcome for each in done.lines] == ["injected"]
    assert done.text.count("kind: ") == 1
    assert "drainproxy.io/status" in done.text
    assert uninject_all({"-": done.text}).text == before
