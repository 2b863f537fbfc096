"""The rollout strategies, from version v1 to v2, as a Deployment, Argo Rollouts or Flagger run
them."""

import asyncio
from collections.abc import Awaitable, Callable

from drainproxy.rehearsal.deployment import Deployment
from drainproxy.rehearsal.plan import KILL, RESTART

# Shares of the new connections that a canary gets, one after the other.
CANARY_STEPS = (0.05, 0.25, 0.5, 1.0)


async def rolling(deployment: Deployment, old: str, new: str) -> None:
    """As a Deployment's RollingUpdate: never more than `surge` beyond the count of replicas, never
    more than `unavailable` below it. Who terminates counts no more."""
    plan = deployment.plan
    while (leaving := deployment.of(old)) or len(deployment.of(new)) < plan.replicas:
        running = len(leaving) + len(deployment.of(new))
        missing = plan.replicas - len(deployment.of(new))
        if starting := min(missing, plan.replicas + plan.surge - running):
            deployment.mark(f"{starting} of {new} started")
            replicas = await deployment.start(new, starting)
            deployment.mark(f"{', '.join(replica.name for replica in replicas)} ready")
            await deployment.add(replicas)
        running = len(deployment.of(old)) + len(deployment.of(new))
        spare = running - (plan.replicas - plan.unavailable)
        for replica in deployment.of(old)[: max(0, spare)]:
            deployment.delete(replica)
    await deployment.all_deleted()


async def blue_green(deployment: Deployment, old: str, new: str) -> None:
    """All of the new version beside the old one; everybody there and, as for a rollback, everybody
    back; then there again for good."""
    plan = deployment.plan
    deployment.mark(f"all of {new} started")
    blue, green = deployment.of(old), list(await deployment.start(new, plan.replicas))
    for here, there, what in (
        (blue, green, "flip"),
        (green, blue, "roll back"),
        (blue, green, "flip"),
    ):
        deployment.mark(f"{what} to {there[0].version}")
        await deployment.add(there)
        await deployment.remove(here)
        await deployment.rebalance(here, 1.0, plan.hold)
        await asyncio.sleep(plan.hold)
    for replica in blue:
        deployment.delete(replica)
    await deployment.all_deleted()


async def canary(deployment: Deployment, old: str, new: str) -> None:
    """Growing shares of what is new, and of what stands as far as connections can be moved; or what
    stands comes to its age when all of the new is there."""
    plan = deployment.plan
    deployment.mark(f"all of {new} started")
    stable, fresh = deployment.of(old), list(await deployment.start(new, plan.replicas))
    share = 0.0
    for step in CANARY_STEPS:
        deployment.mark(f"{step:.0%} to {new}")
        await deployment.add(fresh, step)
        if step < 1:
            await deployment.add(stable, 1 - step)
        else:
            await deployment.remove(stable)
        if not plan.ages:
            await deployment.rebalance(stable, (step - share) / (1 - share), plan.hold / 2)
        share = step
        await asyncio.sleep(plan.hold)
    await deployment.scale_down(stable)


async def restart_apps(deployment: Deployment, old: str, new: str) -> None:
    """No rollout: one app after the other is restarted, as where its liveness probe fails."""
    for replica in deployment.of(old):
        await deployment.restart_app(replica)


async def kill_apps(deployment: Deployment, old: str, new: str) -> None:
    """No rollout: one app after the other is killed, and comes back."""
    for replica in deployment.of(old):
        await deployment.kill_app(replica)


ROLLOUTS: dict[str, Callable[[Deployment, str, str], Awaitable[None]]] = {
    "rolling": rolling,
    "blue-green": blue_green,
    "canary": canary,
    RESTART: restart_apps,
    KILL: kill_apps,
}
