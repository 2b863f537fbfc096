"""The annotations of a pod that the injector itself reads, beside the settings of the sidecar.

One table, like that of `config`: the parser, the options of the command line and the reference all
come from it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Final, Literal, cast, get_args

from msgspec import Struct
from msgspec.structs import replace

from drainproxy.config import ANNOTATION_PREFIX, TABLE, Mistake, Setting, rows, setting
from drainproxy.config.addresses import MOST_FORWARDS
from drainproxy.config.kinds import SWITCH, Kind, choice
from drainproxy.config.values import Protocol

# The label (an annotation does as well) that switches injection on and off.
SWITCH_NAME: Final = ANNOTATION_PREFIX + "inject"
# What the injector writes: the record that makes it idempotent and undoes it.
STATUS: Final = ANNOTATION_PREFIX + "status"
# What the webhook writes, for `kubectl describe`: its warnings, one a line.
WARNINGS: Final = ANNOTATION_PREFIX + "warnings"

# For a user or a group: what the image says, unless the pod or the cluster knows better.
IMAGES_OWN: Final = "image"

Capture = Literal["auto", "names", "redirect"]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]

_IMAGE = re.compile(r"[!-~]{1,512}")
# As a ResourceRequirement takes it, without the exponents that nobody writes.
_QUANTITY = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?(?:m|k|[MGT]|[KMGT]i)?")
_NUMBER = re.compile(r"[0-9]{1,10}")
_PORT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?")


class Choice(Struct, frozen=True):
    """A port that the pod wants to be taken over, by name or number, and what is spoken there."""

    port: str
    protocol: Protocol | None = None


def parse_ports(text: str) -> tuple[Choice, ...]:
    """`http, 5432/tcp`: names or numbers of ports, each with a protocol if it is known."""
    parts = [*filter(None, re.split(r"[\s,]+", text))]
    if len(parts) > MOST_FORWARDS:
        raise ValueError(f"has {len(parts):,} entries, and may have {MOST_FORWARDS:,}")
    return tuple(map(_parse_port, parts))


def _parse_port(text: str) -> Choice:
    port, slash, protocol = text.partition("/")
    if not _PORT_NAME.fullmatch(port) or (slash and protocol not in get_args(Protocol)):
        raise ValueError("is no list of ports, such as http,5432/tcp")
    return Choice(port, cast(Protocol, protocol) if slash else None)


def parse_image(text: str) -> str:
    """The reference of an image."""
    if not _IMAGE.fullmatch(text):
        raise ValueError("is no image, such as registry.example/drainproxy:0.1.0")
    return text


def parse_user(text: str) -> int | str:
    """The number of a user, or `image`."""
    if (user := parse_group(text)) == 0:
        raise ValueError("is root, as whom the sidecar never runs (runAsNonRoot)")
    return user


def parse_group(text: str) -> int | str:
    """The number of a group, or `image`."""
    if text == IMAGES_OWN:
        return text
    # The API's limit for both.
    if not _NUMBER.fullmatch(text) or int(text) > 2**31 - 1:
        raise ValueError(f"is neither a number up to 2147483647 nor {IMAGES_OWN}")
    return int(text)


def parse_quantity(text: str) -> str:
    """An amount of CPU or memory."""
    if not _QUANTITY.fullmatch(text):
        raise ValueError("is no quantity, such as 50m or 64Mi")
    return text


def parse_pull_policy(text: str) -> str:
    """When the kubelet pulls the image."""
    if text not in get_args(PullPolicy):
        raise ValueError(f"is not one of {', '.join(get_args(PullPolicy))}")
    return text


_PORTS = Kind("PORT[,PORT]", "names or numbers, each with /tcp, /http or not", parse_ports)
_IMAGES = Kind("IMAGE", "image", parse_image)
_USERS = Kind("UID|image", "number, image", parse_user)
_GROUPS = Kind("GID|image", "number, image", parse_group)
_QUANTITIES = Kind("QUANTITY", "quantity", parse_quantity)
_POLICIES = Kind("|".join(get_args(PullPolicy)), ", ".join(get_args(PullPolicy)), parse_pull_policy)


# What the sidecar requests where nobody says anything.
CPU: Final = "50m"
MEMORY: Final = "64Mi"


class InjectionOptions(Struct, frozen=True, kw_only=True, rename="kebab"):
    """The injector's own options for one pod."""

    ports: Annotated[
        tuple[Choice, ...] | None,
        setting(
            _PORTS,
            "The app's ports that the sidecar takes over. Default: those that a Service targets,"
            " else every TCP port that the containers declare, else those that probes use. With a"
            " redirect they need not be declared.",
            default="what Services target",
        ),
    ] = None
    capture: Annotated[
        Capture,
        setting(
            choice(Capture),
            "How clients reach the sidecar. names: it takes the name of the port that the Service"
            " targets. redirect: nftables sends the app's port to it, whatever the Service targets;"
            " an init container with NET_ADMIN sets that up. auto: names; else a Service in the"
            " same input is changed to target the sidecar; else redirect.",
        ),
    ] = "auto"
    native_sidecar: Annotated[
        bool,
        setting(
            SWITCH,
            "on: a native sidecar, which is an init container with restartPolicy Always (Kubernetes"
            " 1.29 and later; 1.33 and later where it takes over the name of a port); off: a plain"
            " container.",
        ),
    ] = True
    raise_grace_period: Annotated[
        bool,
        setting(
            SWITCH,
            "Raise terminationGracePeriodSeconds so that it covers drain-timeout (25 s by default),"
            " the app's own preStop hook, and 5 s for the app to exit.",
        ),
    ] = False
    replace_prestop_sleep: Annotated[
        bool,
        setting(
            SWITCH,
            "Replace a preStop hook that only sleeps (sleep 10, sh -c 'sleep 10', the sleep action)"
            " by the sidecar's.",
        ),
    ] = False
    image: Annotated[
        str | None, setting(_IMAGES, "The image of the sidecar.", default="the injector's")
    ] = None
    image_pull_policy: Annotated[
        str | None, setting(_POLICIES, "When it is pulled.", default="that of Kubernetes")
    ] = None
    run_as_user: Annotated[
        int | Literal["image"] | None,
        setting(
            _USERS,
            "The user that the sidecar runs as. image: the manifest names none, so that the cluster"
            " (OpenShift) or the image chooses.",
            default="image; 65532 with a redirect, or where the pod runs as root",
        ),
    ] = None
    run_as_group: Annotated[
        int | Literal["image"] | None,
        setting(_GROUPS, "The group that it runs as.", default="as run-as-user"),
    ] = None
    cpu_request: Annotated[
        str | None,
        setting(
            _QUANTITIES,
            "The sidecar's CPU request, lowered to cpu-limit if that is lower.",
            default=f"{CPU}; none where the pod's own `resources` name cpu",
        ),
    ] = None
    cpu_limit: Annotated[
        str | None, setting(_QUANTITIES, "The sidecar's CPU limit.", default="none")
    ] = None
    memory_request: Annotated[
        str | None,
        setting(
            _QUANTITIES,
            "The sidecar's memory request, lowered to memory-limit if that is lower.",
            default=f"{MEMORY}; none where the pod's own `resources` name memory",
        ),
    ] = None
    memory_limit: Annotated[
        str | None, setting(_QUANTITIES, "The sidecar's memory limit.", default="none")
    ] = None


INJECTION_SETTINGS: Final = rows(InjectionOptions)
# Every row that may be an annotation: the injector's first, then the sidecar's settings.
ANNOTATABLE: Final = (
    *INJECTION_SETTINGS,
    *(row for row in TABLE if row.annotated and not row.later),
)
_BY_ANNOTATION: Final = {row.annotation: row for row in ANNOTATABLE}


def read_options(annotations: Mapping[str, str]) -> tuple[InjectionOptions, list[Mistake]]:
    """The options in these annotations, and mistakes; an annotation with a mistake counts as
    absent."""
    asked = {row.field: row for row in INJECTION_SETTINGS if row.annotation in annotations}
    values, mistakes = {}, []
    for field, row in asked.items():
        try:
            values[field] = row.read(annotations[row.annotation])
        except ValueError as error:
            mistakes.append(_mistake(row.annotation, row.name, str(error)))
    return InjectionOptions(**values), mistakes


def readable(annotations: Mapping[str, str]) -> tuple[dict[str, str], list[Mistake]]:
    """Those of our annotations that may be defaults for pods, and what is wrong with others."""
    found, mistakes = {}, []
    for key, text in annotations.items():
        name = key.removeprefix(ANNOTATION_PREFIX)
        if name == key or key in (SWITCH_NAME, STATUS, WARNINGS):
            continue
        try:
            row = _BY_ANNOTATION[key]
            row.read(text)
            found[key] = text
        except KeyError:
            mistakes.append(_mistake(key, name, "is no annotation that pods may have"))
        except ValueError as error:
            mistakes.append(_mistake(key, name, str(error)))
    return found, mistakes


def as_given(mistakes: Iterable[Mistake], given: Mapping[str, str]) -> Iterator[Mistake]:
    """Mistakes in annotations that flags stand for bear the names of the flags."""
    rows = (_BY_ANNOTATION[key] for key in given if key in _BY_ANNOTATION)
    flags = {f"annotation {row.annotation}": f"flag {row.flag}" for row in rows}
    for each in mistakes:
        yield replace(each, source=flags.get(each.source, each.source))


def _mistake(key: str, name: str, problem: str) -> Mistake:
    return Mistake(f"annotation {key}", name, problem)


def markdown() -> str:
    """The injector's annotations as a Markdown table, one line each."""
    lines = ["| Annotation | Default | Values | Meaning |", "|" + " --- |" * 4, _SWITCH_ROW]
    return "\n".join([*lines, *map(_line, INJECTION_SETTINGS), _STATUS_ROW, _WARNINGS_ROW]) + "\n"


def _line(row: Setting) -> str:
    cells = (f"`{row.annotation}`", row.default_text, row.kind.values, row.description)
    return "| " + " | ".join(cells) + " |"


_SWITCH_ROW: Final = (
    f"| `{SWITCH_NAME}` | - | true, false | Switches injection on or off: a label of the pod, which"
    " overrides that of its namespace. An annotation of the pod does the same, but the API server"
    " calls the webhook only for pods that a label selects. |"
)
_STATUS_ROW: Final = (
    f"| `{STATUS}` | - | JSON | Written by the injector: its version, what it has added and what"
    " was there before. `drainproxy uninject` reads it. |"
)
_WARNINGS_ROW: Final = (
    f"| `{WARNINGS}` | - | text | Written by the webhook: its warnings, one a line, so that"
    " `kubectl describe pod` shows them. |"
)
