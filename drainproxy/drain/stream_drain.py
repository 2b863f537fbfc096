"""Which endless responses a drain ends (`stream-drain`); all others are waited for.

From outside, a download, a report or the tokens of a language model look like a stream of changes
that never ends. So only responses of a named media type, or below a named path, are ended.
"""

from dataclasses import dataclass

_KINDS = ("http1", "http2", "grpc")


@dataclass(frozen=True, slots=True)
class StreamDrain:
    """`types`: media types in lower case, without parameters. `prefixes`: paths, each of which
    stands for itself and all below it, as in an Ingress of Kubernetes; kept with a slash at the
    end."""

    types: frozenset[bytes] = frozenset()
    prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        folders = tuple(prefix.rstrip("/") + "/" for prefix in self.prefixes)
        object.__setattr__(self, "prefixes", folders)

    def __bool__(self) -> bool:
        return bool(self.types or self.prefixes)

    def ends(self, kind: str, target: str, media_type: bytes) -> bool:
        """Whether an answer of this media type to a request for `target` ends at leaving."""
        if kind not in _KINDS:
            return False
        return media_type in self.types or _path_of(target).startswith(self.prefixes)


def _path_of(target: str) -> str:
    """With an end that tells `/watch` from `/watcher`; RFC 9112 3.2.2: it may be a whole URL."""
    if target[:1] != "/":
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0].rstrip("/") + "/"
