"""Any workloads behind any Services: what is said of them is so, and they come back."""

from hypothesis import given

from tests.kube.inputs import inputs
from tests.kube.judge import verdicts
from tests.kube.test_batch import inject, uninject


@given(text=inputs())
def test_whoever_is_said_to_be_captured_is(text: str) -> None:
    """Judged from outside, for any workloads behind any Services."""
    done = inject(text)

    assert not done.failed, done.report.text()
    said = {line.object: line for line in done.lines}
    for verdict in verdicts(text, done.text):
        line = said[verdict.title]
        warned = " ".join(line.warnings)
        silent = [
            each
            for each in verdict.bypassed
            if f"Service {each.split()[0]} is headless" not in warned
        ]
        # Jobs bear labels of servers: a port that they do not declare is not theirs.
        if line.outcome == "injected" and not verdict.title.startswith("job/"):
            assert not silent, (verdict, line)
        assert verdict.has_sidecar == (line.outcome in ("injected", "bypassed"))


@given(text=inputs())
def test_any_input_comes_back_and_is_injected_once(text: str) -> None:
    done = inject(text)

    assert inject(done.text, new_token=lambda: "another").text == done.text
    assert uninject(done.text).text == text
