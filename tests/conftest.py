"""What holds for every test: the loop it runs on, and how much Hypothesis tries."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# A shared machine makes single examples slow for no fault of the code; pytest-timeout watches
# the whole test. In CI the examples are the same in every run.
settings.register_profile(
    "default",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
# Coverage asks whether a line is reached, not whether it is right.
settings.register_profile(
    "coverage", parent=settings.get_profile("default"), max_examples=25, derandomize=True
)
settings.load_profile("default")


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
