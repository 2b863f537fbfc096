"""`stream-drain`: which long answers a drain ends, other than event streams and WebSockets, which
have settings of their own (`sse-drain`: see `interruption.EVENT_RULES`).

From outside, a download, a report or the tokens of a language model look like a stream of changes
that never ends. So a drain waits for all answers but those of a named media type or path.
"""

from dataclasses import dataclass

_KINDS = ("http1", "http2", "grpc")


@dataclass(frozen=True, slots=True)
class StreamDrain:
    """The setting `stream-drain`. `types`: media types in lower case, without parameters.
    `prefixes`: paths, each of which includes all paths below it, as in an Ingress of Kubernetes;
    kept with a slash at the end."""

    types: frozenset[bytes] = frozenset()
    prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        folders = tuple(prefix.rstrip("/") + "/" for prefix in self.prefixes)
        object.__setattr__(self, "prefixes", folders)

    def __bool__(self) -> bool:
        return bool(self.types or self.prefixes)

    def ends(self, kind: str, target: str, media_type: bytes) -> bool:
        """Whether a drain ends an answer of this media type to a request for `target`."""
        if kind not in _KINDS:
            return False
        return media_type in self.types or _path_of(target).startswith(self.prefixes)


def _path_of(target: str) -> str:
    """The path of a target, which may be an absolute URL (RFC 9112 3.2.2), with a slash at the end,
    by which `/watch` is no prefix of `/watcher`."""
    if target[:1] != "/":
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0].rstrip("/") + "/"
