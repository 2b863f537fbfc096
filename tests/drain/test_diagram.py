from drainproxy.drain.diagram import markdown
from drainproxy.drain.machine import TABLE, Phase


def test_the_diagram_shows_each_step_that_changes_the_phase() -> None:
    diagram = markdown().partition("```\n\n")[0]
    arrows = {tuple(line.split(":")[0].split()) for line in diagram.splitlines() if "-->" in line}
    steps = {(a.value, "-->", b.value) for (a, _), (b, _) in TABLE.items() if a is not b}
    assert arrows == steps | {("[*]", "-->", "starting"), ("drained", "-->", "[*]")}


def test_the_table_has_each_step_that_changes_or_does_anything() -> None:
    rows = markdown().partition("```\n\n")[2].splitlines()[2:]
    steps = [key for key, (phase, effects) in TABLE.items() if phase is not key[0] or effects]
    assert len(rows) == len(steps)
    for row, (phase, given) in zip(rows, steps, strict=True):
        assert row.startswith(f"| {phase.value} | {given.name.lower().replace('_', '-')}: ")
        target, effects = TABLE[phase, given]
        assert f"| {target.value} | " in row
        assert all(effect.value in row for effect in effects)
    assert len({row.split("|")[1] for row in rows}) == len(Phase)
