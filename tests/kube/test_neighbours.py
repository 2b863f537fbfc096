"""What is behind one Service must be led by it in one way."""

from collections.abc import Callable
from time import process_time

from drainproxy.kube.annotations import InjectionOptions
from drainproxy.kube.capture import Capture, choose
from drainproxy.kube.leads import Around, CaptureQuestion
from drainproxy.kube.namespace import Namespace
from drainproxy.kube.neighbours import Neighbour, Neighbours
from drainproxy.manifests.podspec import Json, read
from drainproxy.manifests.services import Service
from tests.kube.pods import pod
from tests.kube.test_capture import service

HTTP: Json = {"name": "http", "containerPort": 8080}
NAMELESS: Json = {"containerPort": 8080}


def neighbour(title: str, before: Json, capture: str = "auto") -> Neighbour:
    view = read(before)

    def foresee(around: Around) -> Capture:
        pod_options = InjectionOptions(capture=capture)  # type: ignore[arg-type] # a text
        return choose(CaptureQuestion(pod=view, pod_options=pod_options, around=around))

    return Neighbour(title, "", view, foresee)


def objections(found: Service, *members: Neighbour) -> Callable[[int | str], str]:
    around = Neighbours([found], members, {}).around("", {"app": "web"})
    return lambda target: around.objection(found, found.ports[0], target)


def test_a_name_must_mean_that_number_in_every_pod() -> None:
    named, other = neighbour("a", pod(HTTP)), neighbour("b", pod({**HTTP, "containerPort": 1}))

    assert objections(service(8080), named)("http") == ""
    assert objections(service(8080), named, other)("http") == "b has no port http with that number"


def test_a_number_must_be_that_of_every_sidecar() -> None:
    plain = neighbour("a", pod(NAMELESS))
    crowded = neighbour("b", pod(NAMELESS, {"containerPort": 9181}))
    redirected = neighbour("c", pod(NAMELESS), capture="redirect")

    assert objections(service(8080), plain, neighbour("d", pod(NAMELESS)))(9181) == ""
    assert objections(service(8080), plain, crowded)(9181) == "b does not have its sidecar at 9181"
    assert objections(service(8080), plain, redirected)(9181) == "c is redirected"


def test_what_is_refused_to_one_reaches_the_next() -> None:
    """The second pod is behind both Services: redirected for the one, it is lost for the other."""
    before = pod(NAMELESS)
    before["metadata"]["labels"]["also"] = "yes"
    both, first = neighbour("both", before), neighbour("first", pod(NAMELESS))
    hand = pod({"containerPort": 8080})
    hand["metadata"]["labels"] = {"also": "yes"}
    one, two = service(8080), service(8080, name="two", selector={"also": "yes"})
    third = neighbour("third", hand, capture="redirect")
    around = Neighbours([one, two], [both, first, third], {}).around("", {"app": "web"})

    assert around.objection(one, one.ports[0], 9181) == "both is redirected"


def test_who_ends_by_itself_hinders_nobody() -> None:
    job = pod({"containerPort": 1})
    job["spec"]["restartPolicy"] = "Never"

    assert objections(service(8080), neighbour("a", pod(HTTP)), neighbour("job", job))("http") == ""


def test_what_a_namespace_says_speaks_against_a_redirect() -> None:
    labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    annotations = {"openshift.io/sa.scc.uid-range": "1000650000/10000"}
    said = {"shop": Namespace(labels), "other": Namespace({}, annotations)}
    neighbours = Neighbours([], [], said)
    shop, other, unknown = (neighbours.around(name, {}) for name in ("shop", "other", "unknown"))

    assert "level baseline of namespace shop forbids NET_ADMIN" in shop.no_redirect
    assert (shop.redirects_if_asked, other.no_redirect) == ("", "")
    assert "OpenShift" in other.redirects_if_asked
    assert (unknown.no_redirect, unknown.redirects_if_asked) == ("", "")


def test_a_thousand_services_and_workloads_are_matched_in_no_time() -> None:
    members, found = [], []
    for at in range(1000):
        before = pod(HTTP)
        before["metadata"]["labels"] = {"app": f"app-{at}", "tier": "same"}
        members.append(neighbour(str(at), before))
        found.append(service(8080, name=f"s{at}", selector={"app": f"app-{at}"}))

    started = process_time()
    neighbours = Neighbours(found, members, {})
    assert len(neighbours.around("", {"app": "app-7", "tier": "same"}).services or ()) == 1
    assert process_time() - started < 2
