"""What holds for every test: the loop it runs on, and how much Hypothesis tries."""

import faulthandler
import gc
import os
import shutil
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import monotonic
from typing import TypeVar

import pytest
import uvloop
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# What a test makes is mostly gone with it. At the interpreter's own threshold a tenth of all time
# goes into looking for the rest, again and again.
gc.set_threshold(100_000, 50, 1000)

# A shell starts what it runs in the background with SIGINT ignored, nohup with SIGHUP ignored, and
# what we start would inherit that. A handler is not inherited; we are to outlive the terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# A shared machine makes single examples slow for no fault of the code; pytest-timeout watches
# the whole test. In CI the examples are the same in every run.
settings.register_profile(
    "push",
    deadline=None,
    derandomize="CI" in os.environ,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
# Parsers of what anybody may send.
settings.register_profile("hostile", parent=settings.get_profile("push"), max_examples=100)
HOSTILE = ("wire",)
# Every night, with examples that are new each time.
settings.register_profile(
    "thorough", parent=settings.get_profile("push"), max_examples=1000, derandomize=False
)
# Coverage asks whether a line is reached, not whether it is right.
settings.register_profile(
    "coverage", parent=settings.get_profile("push"), max_examples=5, derandomize=True
)
settings.load_profile("push")

Test = TypeVar("Test", bound=Callable[..., object])


def well_formed(test: Test) -> Test:
    """For a property among those of hostile input that is none of them: of what we write, or of
    input that breaks no rule. It is tried as often as properties elsewhere."""
    if settings.get_current_profile_name() == "hostile":
        settings.get_profile("push")(test)
    return test


class Watch:
    """Ends a run whose test hangs in C, where Python hears no signals, and says where it hangs.

    pytest does that too, with a thread for each test, which costs as much as a small test does.
    """

    # Seconds: how long any test may take, if --timeout does not allow more, and how long the watch
    # of one serves others too.
    HANGS, SHARED = 420, 20

    def __init__(self, timeout: float) -> None:
        self._hangs = max(self.HANGS, timeout + self.SHARED + 10)
        # Not what pytest puts in its place while a test runs.
        self._stderr = os.dup(2)
        self._renewed = -float(self.SHARED)

    def pytest_runtest_logstart(self) -> None:
        """Before each test."""
        if monotonic() - self._renewed >= self.SHARED:
            self._renewed = monotonic()
            faulthandler.dump_traceback_later(self._hangs, file=self._stderr, exit=True)

    def pytest_unconfigure(self) -> None:
        """At the end."""
        gc.freeze()
        faulthandler.cancel_dump_traceback_later()
        os.close(self._stderr)


def pytest_configure(config: pytest.Config) -> None:
    """Once for each process."""
    config.pluginmanager.register(Watch(config.getoption("timeout", None) or 0))


def pytest_collection_finish() -> None:
    """No collection of garbage looks at the modules and the list of tests, which stay."""
    gc.freeze()


def pytest_collectstart(collector: pytest.Collector) -> None:
    """A test takes the profile that is in force when its module is imported."""
    chosen = settings.get_current_profile_name() not in {"push", "hostile"}
    if isinstance(collector, pytest.Module) and not chosen:
        hostile = collector.path.relative_to(ROOT / "tests").parts[0] in HOSTILE
        settings.load_profile("hostile" if hostile else "push")


@cache
def says_alone(file: Path) -> bool:
    """Whether a test file marks tests to run alone: that lane collects these files only."""
    return "mark.alone" in file.read_text()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those which may take long begin first."""
    for item in items:
        if item.get_closest_marker("alone") is not None and not says_alone(item.path):
            raise pytest.UsageError(f"{item.path} must say pytest.mark.alone, or no lane runs it")
    items.sort(key=allowed_seconds, reverse=True)


def allowed_seconds(item: pytest.Item) -> float:
    """The timeout of a test that has one of its own."""
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker is not None else 0.0


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], uvloop.Loop]]:
    """Async tests run on uvloop, as the sidecar does: its transports are not asyncio's."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture
def browser() -> str:
    """A browser that runs without a window."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no browser is installed: " + ", ".join(BROWSERS))
    return found
