"""Prints the phases of a drain for the documentation: a Mermaid state diagram, and the table."""

from collections.abc import Iterator

from drainproxy.drain.machine import TABLE, Effect, Input, Phase

# Where a process begins its life, and where it may end it.
_STARTS, _ENDS = Phase.STARTING, Phase.DRAINED


def markdown() -> str:
    """The diagram, and below it each step that changes anything."""
    return "\n".join(["```mermaid", *_diagram(), "```", "", *_table()])


def _diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {_STARTS.value}"
    for phase in Phase:
        for target in Phase:
            if inputs := [given for given in Input if _leads(phase, given, target)]:
                yield f"    {phase.value} --> {target.value}: {', '.join(map(_name, inputs))}"
    yield f"    {_ENDS.value} --> [*]: if a signal has come"


def _leads(phase: Phase, given: Input, target: Phase) -> bool:
    return phase is not target and TABLE[phase, given][0] is target


def _table() -> Iterator[str]:
    yield "| in | when | then | what is done |"
    yield "| --- | --- | --- | --- |"
    for (phase, given), (target, effects) in TABLE.items():
        if phase is not target or effects:
            when = f"{_name(given)}: {given.value}"
            yield f"| {phase.value} | {when} | {target.value} | {_all(effects)} |"


def _all(effects: tuple[Effect, ...]) -> str:
    return "; ".join(effect.value for effect in effects) or "-"


def _name(given: Input) -> str:
    return given.name.lower().replace("_", "-")
