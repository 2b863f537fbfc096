"""What the table knows of a setting beside its type and its default."""

from msgspec import Meta

from .kinds import Kind


def setting(
    kind: Kind,
    description: str,
    *,
    reload: bool = False,
    annotation: bool = True,
    later: str = "",
    default: str = "",
    ge: float | None = None,
    le: float | None = None,
) -> Meta:
    """What the table knows of a setting beside its type and its default.

    `reload`: an annotation or the file may change it at run time. `annotation`: it may be an
    annotation at all. `later`: the planned feature that it belongs to. `default`: words for a
    default that is no value.
    """
    extra: dict[str, object] = {
        "kind": kind,
        "reload": reload,
        "annotation": annotation,
        "later": later,
        "default": default,
    }
    return Meta(description=description, extra=extra, ge=ge, le=le)
