"""What stands beside what in a comparison."""

from drainproxy.rehearsal.plan import RehearsalPlan


def test_it_stands_beside_the_same_without_a_proxy() -> None:
    plan = RehearsalPlan(replicas=4)
    ours, without = plan.compared
    assert ours is plan
    assert (without.proxy, without.replicas, without.short_name) == ("none", 4, "none")


def test_a_hook_that_sleeps_is_a_third_and_the_last_has_none() -> None:
    ours, slept, without = RehearsalPlan(prestop_sleep=5.0).compared
    assert [each.short_name for each in (ours, slept, without)] == ["drainproxy", "sleep 5", "none"]
    assert (slept.proxy, slept.prestop_sleep) == ("none", 5.0)
    assert (without.proxy, without.prestop_sleep) == ("none", 0.0)


def test_what_has_no_proxy_by_itself_is_compared_with_the_hook_and_without() -> None:
    plans = RehearsalPlan(proxy="none", prestop_sleep=5.0).compared
    assert [each.short_name for each in plans] == ["sleep 5", "none"]
