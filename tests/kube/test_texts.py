"""What the annotation says of the text that was there, and what becomes of a forged one."""

import json
from typing import Any

import pytest

from drainproxy.kube.annotations import STATUS
from drainproxy.kube.batch import inject_all, uninject_all
from drainproxy.manifests.documents import parse
from tests.kube.pods import options
from tests.kube.unusual import UNUSUAL

POD = """\
apiVersion: v1
kind: Pod
metadata:
  annotations: ~
spec:
  volumes: [ ]  # none
  containers:
  - name: web
    ports: [{name: !!str http, containerPort: 8080}]
"""


def inject(text: str) -> str:
    return inject_all({"x.yaml": text}, options()).text


def uninject(text: str) -> str:
    return uninject_all({"x.yaml": text}).text


def status(text: str) -> dict[str, Any]:
    (document,) = parse(text)
    found: dict[str, Any] = json.loads(document.data["metadata"]["annotations"][STATUS])
    return found


def test_only_what_the_values_do_not_tell_is_noted() -> None:
    assert status(inject(POD))["texts"] == {
        "/metadata/annotations": "~",
        "/spec/volumes": "[ ]",
        "/spec/containers/name=web/ports/name=app-http/name": "!!str http",
    }
    plain = POD.replace(" ~", "").replace("[ ]", "[]").replace("!!str ", "")
    assert "texts" not in status(inject(plain))


def test_a_place_that_somebody_has_changed_since_keeps_the_change() -> None:
    injected = inject(POD).replace(
        "  - name: drainproxy-podinfo\n", "  - name: own\n  - name: drainproxy-podinfo\n", 1
    )
    assert "  volumes:  # none\n  - name: own\n  containers:" in uninject(injected)


def test_a_record_without_texts_is_undone_by_its_values() -> None:
    (document,) = parse(inject(POD))
    found = status(document.text)
    del found["texts"]
    document.data["metadata"]["annotations"][STATUS] = json.dumps(found)
    document.changed = True

    expected = POD.replace(" ~", "").replace("[ ]", "[]").replace("!!str ", "")
    assert uninject(document.render()) == expected


@pytest.mark.parametrize(
    "texts",
    [
        {"/spec/volumes": "x: [", "/metadata/annotations": "\n---\nkind: Secret"},
        {"/spec/volumes": "[other]", "/spec/containers/9": "x", "/spec/x/y": "x", "": "*a"},
        {"99": "x", "1": "x", "/spec/containers/name=web": "{name: evil}", "no": "x", "/": None},
        {"/spec/volumes": "[]\n  hostNetwork: true", "/spec/containers": None},
        {"/spec/volumes": 1},
        [],
    ],
)
def test_a_forged_record_changes_no_value(texts: object) -> None:
    (document,) = parse(inject(POD))
    forged = status(document.text) | {"texts": texts}
    document.data["metadata"]["annotations"][STATUS] = json.dumps(forged)
    document.changed = True
    done = uninject_all({"x.yaml": document.render()})

    assert done.failed or parse(done.text)[0].data == parse(POD)[0].data


def test_aliases_stay_where_all_places_change_alike_and_are_written_out_where_not() -> None:
    injected = inject(UNUSUAL["anchors"])

    assert "        port: *port # the same\n    livenessProbe: *probe\n" in injected
    assert "    image: *image\n    lifecycle: # shared\n      postStart:\n" in injected
    assert uninject(injected) == UNUSUAL["anchors"]
