"""What a conformance client sees of an app, it sees through the sidecar, or something stricter.

`python -m tests.e2e.conformance PORT` prints what the client sees at any port.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.conformance.app import PAGE
from tests.e2e.conformance.cases import MALFORMED, PROTOCOL, SIZE, Case
from tests.e2e.conformance.catalogue import CASES
from tests.e2e.conformance.frames import Code
from tests.e2e.conformance.verdicts import Grade, Outcome, Rule, is_as_good
from tests.e2e.http2_apps import hypercorn, nghttpd
from tests.e2e.process import sidecar

# How bytes are cut may decide what an app does first, and on a busy machine an answer to what is
# wrong may come late. What the sidecar does wrong, it does every time.
ATTEMPTS = 3


class Ports(NamedTuple):
    """Of an app, and of a sidecar in front of it."""

    alone: int
    through: int


@contextmanager
def asgi(folder: Path) -> Iterator[int]:
    with hypercorn("tests.e2e.conformance.app:app") as port:
        yield port


@contextmanager
def files(folder: Path) -> Iterator[int]:
    (folder / "index.html").write_bytes(PAGE)
    with nghttpd(folder) as port:
        yield port


Start = Callable[[Path], AbstractContextManager[int]]


@pytest.fixture(scope="module", params=[asgi, files], ids=["hypercorn", "nghttpd"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    start: Start = request.param
    with start(tmp_path_factory.mktemp("pages")) as port:
        yield port


@pytest.fixture(scope="module")
def ports(app: int) -> Iterator[Ports]:
    with sidecar(f"127.0.0.1:{app}") as running:
        yield Ports(app, running.port)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_client_sees_the_same_through_the_sidecar_or_something_stricter(
    case: Case, ports: Ports
) -> None:
    seen = []
    for _ in range(ATTEMPTS):
        alone, through = case.run(ports.alone), case.run(ports.through)
        if is_as_good(through, alone, case.rule):
            return
        seen.append(f"alone:   {alone}\nthrough: {through}")
    pytest.fail("\n".join([f"{case.section}: {case.name}", *seen]), pytrace=False)


def test_the_app_alone_is_fit_to_compare_with(app: int) -> None:
    def conforms(case: Case) -> bool:
        outcome = case.run(app)
        if case.rule is None:
            return outcome.grade in {Grade.SERVED, Grade.IGNORED, Grade.REFUSED}
        return outcome.grade >= Grade.STREAM_ERROR

    assert sum(map(conforms, CASES)) > 0.95 * len(CASES) > 150


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


# What counts as stricter

SERVED = Outcome(Grade.SERVED, detail="200")
IGNORED = Outcome(Grade.IGNORED)
REFUSED = Outcome(Grade.REFUSED, detail="400")
RESET = Outcome(Grade.STREAM_ERROR, Code.PROTOCOL_ERROR)
CANCELLED = Outcome(Grade.STREAM_ERROR, Code.CANCEL)
GOAWAY = Outcome(Grade.CONNECTION_ERROR, Code.PROTOCOL_ERROR)
INTERNAL = Outcome(Grade.CONNECTION_ERROR, Code.INTERNAL_ERROR)
CLOSED = Outcome(Grade.CONNECTION_ERROR)
HANGS = Outcome(Grade.HANGS)


@pytest.mark.parametrize(
    ("through", "alone", "rule"),
    [
        (SERVED, SERVED, None),
        (CLOSED, CLOSED, None),
        # The same, even where the RFC would have another code, or other words.
        (CANCELLED, CANCELLED, MALFORMED),
        (INTERNAL, INTERNAL, PROTOCOL),
        (Outcome(Grade.SERVED, detail="204"), SERVED, MALFORMED),
        # Stricter.
        (IGNORED, SERVED, MALFORMED),
        (REFUSED, IGNORED, MALFORMED),
        (RESET, REFUSED, MALFORMED),
        (GOAWAY, RESET, MALFORMED),
        (CLOSED, GOAWAY, PROTOCOL),
        # The right code where the app has a wrong one.
        (GOAWAY, INTERNAL, PROTOCOL),
        # As strict as the RFC, which asks for no more than that.
        (RESET, GOAWAY, MALFORMED),
    ],
)
def test_the_same_is_as_good_and_so_is_what_is_stricter(
    through: Outcome, alone: Outcome, rule: Rule | None
) -> None:
    assert is_as_good(through, alone, rule)


@pytest.mark.parametrize(
    ("through", "alone", "rule"),
    [
        # Legal: any difference.
        (Outcome(Grade.SERVED, detail="204"), SERVED, None),
        (IGNORED, SERVED, None),
        (SERVED, IGNORED, None),
        (RESET, SERVED, None),
        (GOAWAY, IGNORED, None),
        (CLOSED, SERVED, None),
        # More lenient than both the app and the RFC.
        (SERVED, RESET, MALFORMED),
        (IGNORED, GOAWAY, PROTOCOL),
        (REFUSED, RESET, MALFORMED),
        (RESET, GOAWAY, PROTOCOL),
        (SERVED, IGNORED, MALFORMED),
        (HANGS, SERVED, MALFORMED),
        (HANGS, GOAWAY, PROTOCOL),
        # Strict enough, and with a code that says something else.
        (CANCELLED, IGNORED, MALFORMED),
        (CANCELLED, RESET, MALFORMED),
        (INTERNAL, GOAWAY, PROTOCOL),
        (GOAWAY, IGNORED, SIZE),
        (Outcome(Grade.CONNECTION_ERROR, Code.NO_ERROR), GOAWAY, PROTOCOL),
    ],
)
def test_what_is_more_lenient_or_says_something_wrong_is_not_as_good(
    through: Outcome, alone: Outcome, rule: Rule | None
) -> None:
    assert not is_as_good(through, alone, rule)
