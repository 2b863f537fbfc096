"""The nftables rules that redirect connections for the app to the sidecar, inside a pod's network.

A connection to a port of the app arrives at the sidecar, from outside and from within the pod. The
sidecar itself, known by its user, still reaches the app. IPv4 and IPv6 share one table, which nft
replaces or removes in one transaction, so no packet meets half of the rules.

A service mesh redirects to its own proxy with iptables, in chains of priority -100. The first chain
that rewrites the destination of a connection wins; among equal priorities that is the one that was
registered last, which an init container cannot know. Our chains have a later priority: the mesh's
proxy terminates its TLS, and what it then sends to the app over lo reaches the sidecar.
"""

from collections.abc import Iterator
from typing import NamedTuple

from drainproxy.config import ConfigError, Mistake

TABLE = "inet drainproxy"

# To declare a table that is there is no error, to delete one that is not there is.
UNINSTALL = f"table {TABLE}\ndelete table {TABLE}\n"

# One behind `dstnat`, in numbers: nft before 1.0.7 knows that name in prerouting only. What is sent
# from here to an address of ours leaves through lo, whatever the address.
_INSTALL = """\
table {table} {{
	chain prerouting {{
		type nat hook prerouting priority -99; policy accept;
		{redirect}
	}}
	chain output {{
		type nat hook output priority -99; policy accept;
		oifname "lo" meta skuid != {uid} {redirect}
	}}
}}
"""


class Redirect(NamedTuple):
    """Pairs of (port of the app, port of the sidecar in its place), and the sidecar's user."""

    ports: tuple[tuple[int, int], ...]
    uid: int

    def ruleset(self) -> str:
        """What `nft -f` reads: these rules in the place of all that we had installed."""
        apps = ", ".join(str(app) for app, _ in self.ports)
        pairs = ", ".join(f"{app} : {sidecar}" for app, sidecar in self.ports)
        redirect = f"tcp dport {{ {apps} }} redirect to :tcp dport map {{ {pairs} }}"
        return UNINSTALL + _INSTALL.format(table=TABLE, redirect=redirect, uid=self.uid)


def pair(port: str, to: str, uid: int, admin: int) -> Redirect:
    """Read `8080,8081` and `15080,15081`; `admin` is the port that the sidecar answers probes on.

    Raises ConfigError with every mistake; one is a redirect of the sidecar's own traffic.
    """
    mistakes: list[Mistake] = []
    apps = _ports("--port", port, mistakes)
    sidecars = _ports("--to", to, mistakes)
    if not mistakes:
        mistakes += _mismatches(apps, sidecars, admin)
    if mistakes:
        raise ConfigError(mistakes)
    return Redirect(tuple(zip(apps, sidecars, strict=True)), uid)


def _ports(flag: str, text: str, mistakes: list[Mistake]) -> list[int]:
    ports: list[int] = []
    for part in text.split(","):
        word = part.strip()
        if not (word.isascii() and word.isdigit() and 1 <= int(word[:6]) <= 65535):
            problem = f"{word[:80]!r} is no port between 1 and 65535: write 8080 or 8080,8081"
            mistakes.append(_mistake(flag, problem))
        elif int(word) in ports:
            mistakes.append(_mistake(flag, f"{word} stands there twice"))
        else:
            ports.append(int(word))
    return ports


def _mismatches(apps: list[int], sidecars: list[int], admin: int) -> Iterator[Mistake]:
    if len(apps) != len(sidecars):
        problem = f"has {len(sidecars)} ports for the {len(apps)} of --port: give one for each"
        yield _mistake("--to", problem)
    for port in sorted({*apps} & {*sidecars}):
        problem = f"{port} is a port of --to: the sidecar's own traffic would be redirected"
        yield _mistake("--port", problem)
    if admin in apps:
        problem = f"{admin} is the sidecar's admin port: its probes would not reach it"
        yield _mistake("--port", problem)
    if admin in sidecars:
        problem = f"{admin} is the sidecar's admin port: what comes for the app cannot go there"
        yield _mistake("--to", problem)


def _mistake(flag: str, problem: str) -> Mistake:
    return Mistake(f"flag {flag}", flag.lstrip("-"), problem)
