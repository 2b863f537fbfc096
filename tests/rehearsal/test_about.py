"""A report says what it is of, and no secret."""

from datetime import UTC, datetime

import drainproxy
from drainproxy.rehearsal.about import about
from drainproxy.rehearsal.plan import RehearsalPlan

NOW = datetime(2026, 11, 29, 20, 51, 7, 123456, UTC)


def test_it_names_date_command_settings_and_versions() -> None:
    plan = RehearsalPlan(
        app=("my app", "{port}"),
        clients={"http": 5, "grpc": 0},
        grace_period=40.0,
        settings=("--drain-delay=3s", "--forward=1=2", "--forward=3=4"),
    )
    said = about(plan, ["rehearse", "--", "my app", "{port}"], NOW)
    assert said.date == "2026-11-29 20:51:07+00:00"
    assert said.command == "drainproxy rehearse -- 'my app' '{port}'"
    assert said.rehearsal["clients"] == "5 http"
    assert said.rehearsal["grace-period"] == "40s"
    assert said.settings["drain-timeout"] == "35s"
    assert said.settings["drain-delay"] == "3s"
    assert said.settings["unready"] == "closed"
    assert said.settings["forward"] == "1=2, 3=4"
    assert said.versions["drainproxy"] == drainproxy.__version__
    assert {"Python", "CPUs", "aiohttp"} <= said.versions.keys()


def test_a_setting_with_its_default_value_is_not_listed() -> None:
    plan = RehearsalPlan(grace_period=30.0, settings=("--drain-spread=10000ms",))
    assert about(plan, ["rehearse"], NOW).settings == {"unready": "closed"}


def test_a_setting_that_is_wrong_is_listed_as_it_was_given() -> None:
    plan = RehearsalPlan(settings=("--drain-spread=soon",))
    assert about(plan, ["rehearse"], NOW).settings["drain-spread"] == "soon"


def test_of_a_setting_that_is_given_twice_the_last_value_counts() -> None:
    plan = RehearsalPlan(grace_period=40.0, settings=("--drain-timeout=25s",))
    assert "drain-timeout" not in about(plan, ["rehearse"], NOW).settings


def test_without_sidecars_there_are_no_settings_of_theirs() -> None:
    assert not about(RehearsalPlan(proxy="none"), ["rehearse"], NOW).settings


def test_a_hook_that_sleeps_is_told_where_there_is_one() -> None:
    assert (
        about(RehearsalPlan(prestop_sleep=5.0), ["rehearse"], NOW).rehearsal["prestop-sleep"]
        == "5s"
    )
    assert "prestop-sleep" not in about(RehearsalPlan(), ["rehearse"], NOW).rehearsal


def test_no_secret_is_told() -> None:
    plan = RehearsalPlan(settings=("--admin-token=s3cret",))
    for given in (("--admin-token", "s3cret"), ("--admin-token=s3cret",)):
        said = about(plan, ["rehearse", *given, "--http", "3"], NOW)
        assert "s3cret" not in str(said)
        assert said.command.endswith("--http 3")
        assert said.settings["admin-token"] == "(hidden)"


def test_what_stands_behind_the_dashes_is_the_apps_own() -> None:
    said = about(RehearsalPlan(), ["rehearse", "--", "app", "--admin-token", "mine"], NOW)
    assert said.command == "drainproxy rehearse -- app --admin-token mine"
