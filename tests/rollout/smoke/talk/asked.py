"""A step is asked, as `run` does it."""

from drainproxy.rollout.smoke.reading import SmokeOptions
from drainproxy.rollout.smoke.result import Attempt, StepResult
from drainproxy.rollout.smoke.run import run
from drainproxy.rollout.smoke.talk import talk
from tests.rollout.smoke.files import read

# A step that is to fail for want of an answer waits for so long, in seconds.
SHORT = 0.3


class Nobody:
    """Hears how it goes, and does not care."""

    def begins(self, step: object) -> None: ...
    def retries(self, step: object, number: int, attempt: Attempt) -> None: ...
    def ended(self, result: StepResult) -> None: ...


async def asked(
    port: int, text: str, patience: float = 10.0, scheme: str = "http", **given: str
) -> tuple[str, ...]:
    """What is wrong with the answer to the only step of a text, whose paths go to this port."""
    url = f"{scheme}://127.0.0.1:{port}"
    test = read(
        text, SmokeOptions(url=url, timeout=patience, ca=given.get("ca", "")), {"PORT": str(port)}
    )
    result = await run(test, talk, Nobody())
    (step,) = result.steps
    assert result.seconds < patience + 2
    return step.problems
