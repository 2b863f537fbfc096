"""`python -m drainproxy.rehearsal`: a drain in front of your eyes, in under a minute."""

import argparse
import asyncio
import signal
import sys

from rich.console import Console

from drainproxy.rehearsal.demo import Plan, perform
from drainproxy.rehearsal.processes import StartFailed

# As shells say it: 128 and the number of the signal.
_INTERRUPTED, _TERMINATED = 130, 143


def main() -> int:
    """The exit code: 0 only if nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m drainproxy.rehearsal", description=__doc__)
    parser.add_argument(
        "--kill",
        action="store_true",
        help="end the sidecar with SIGKILL instead, to see what is lost where nothing drains",
    )
    plan = Plan(signal=signal.SIGKILL if parser.parse_args().kill else signal.SIGTERM)
    console = Console()
    try:
        return asyncio.run(_until_terminated(plan, console))
    except StartFailed as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except asyncio.CancelledError:
        return _TERMINATED


async def _until_terminated(plan: Plan, console: Console) -> int:
    """SIGTERM takes everything down as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await perform(plan, console)


if __name__ == "__main__":
    sys.exit(main())
