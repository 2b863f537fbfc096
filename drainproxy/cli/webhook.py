"""`drainproxy webhook`: the admission webhook that injects sidecars into new pods."""

import asyncio
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from drainproxy.cli.help import Command, Option, examples
from drainproxy.cli.options import unreadable
from drainproxy.cli.parsed import Whole
from drainproxy.cli.run import EX_CONFIG, EX_UNAVAILABLE
from drainproxy.config import ANNOTATION_PREFIX, Address, ConfigError, ConfigFile, Mistake
from drainproxy.config.addresses import parse_listen
from drainproxy.config.kinds import parse_duration
from drainproxy.config.values import LogFormat, LogLevel
from drainproxy.config.yaml_text import read_yaml

if TYPE_CHECKING:
    from drainproxy.kube.certificate_keeper import CertificateKeeper, CertificateLocation
    from drainproxy.kube.certificates import Certificates
    from drainproxy.kube.cluster_view import ClusterAccess
    from drainproxy.kube.plan import Options


def _address(_: click.Context, __: click.Parameter, text: str) -> Address:
    try:
        return parse_listen(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from None


def _seconds(_: click.Context, __: click.Parameter, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from None


def _in_namespace(
    _: click.Context, __: click.Parameter, text: str | None
) -> tuple[str, str] | None:
    if text is None:
        return None
    match = _NAMESPACED.fullmatch(text)
    if not match:
        raise click.BadParameter(f"{text!r} is not NAMESPACE/NAME")
    return match[1], match[2]


def _judge_certificate(given: Mapping[str, Any]) -> Iterator[str]:
    cert, key, secret = given["tls_cert"], given["tls_key"], given["tls_secret"]
    if secret and (cert or key):
        yield "--tls-secret takes the place of --tls-cert and --tls-key"
    if secret and not (given["webhook_configuration"] and given["tls_host"]):
        yield "--tls-secret needs --tls-host and --webhook-configuration"
    if not secret and not (cert and key):
        yield "--tls-cert and --tls-key are needed, or --tls-secret"


_FILE = click.Path(path_type=Path)
_certificate = partial(click.option, cls=Option, section="Certificate")
_NAMESPACED = re.compile(r"([a-z0-9-]{1,63})/([a-z0-9.-]{1,253})")


@click.command(
    cls=Command,
    judges=[_judge_certificate],
    context_settings={"auto_envvar_prefix": "DRAINPROXY_WEBHOOK"},
    epilog=examples(
        "webhook --tls-cert tls.crt --tls-key tls.key --image registry.example/drainproxy:0.1.0",
        "webhook --tls-secret drainproxy-system/drainproxy-webhook-certificate \\",
        "    --tls-host drainproxy.drainproxy-system.svc --webhook-configuration drainproxy \\",
        "    --image registry.example/drainproxy:0.1.0",
    ),
)
@click.option(
    "--listen",
    metavar="[HOST:]PORT",
    default="8443",
    show_default=True,
    callback=_address,
    help="The address for the API server, over TLS: POST /inject.",
)
@_certificate("--tls-cert", metavar="FILE", type=_FILE, help="Its certificate chain (PEM).")
@_certificate(
    "--tls-key",
    metavar="FILE",
    type=_FILE,
    help="The key to it (PEM). Both are read again when they change.",
)
@_certificate(
    "--tls-secret",
    metavar="NAMESPACE/NAME",
    callback=_in_namespace,
    help="In place of files: the Secret for a certificate that the webhook issues and renews"
    " itself. It writes the CA into --webhook-configuration.",
)
@_certificate(
    "--tls-host",
    metavar="HOST",
    multiple=True,
    help="With --tls-secret: the host by which the API server reaches the webhook,"
    " NAME.NAMESPACE.svc; repeatable.",
)
@_certificate(
    "--tls-days",
    type=Whole(1, 3650),
    default=365,
    show_default=True,
    help="With --tls-secret: how long a certificate is valid; it is renewed in its last third.",
)
@_certificate(
    "--webhook-configuration",
    metavar="NAME",
    help="With --tls-secret: the MutatingWebhookConfiguration into which the CA is written.",
)
@click.option(
    "--observe",
    metavar="[HOST:]PORT",
    default="9180",
    show_default=True,
    callback=_address,
    help="The address of /livez, /readyz and /metrics, over plain HTTP.",
)
@click.option("--image", metavar="IMAGE", help="The image of the sidecar.")
@click.option(
    "--defaults",
    metavar="FILE",
    type=_FILE,
    help="A YAML map of default annotations for every pod, with or without their prefix; those of"
    " its namespace and its own override them.",
)
@click.option(
    "--namespace-annotations",
    type=click.Choice(["off", "api"]),
    default="off",
    show_default=True,
    help="api: the annotations of a namespace, read from the API server, are defaults for its pods."
    " While they cannot be read the webhook is not ready.",
)
@click.option(
    "--watch-services",
    type=click.Choice(["on", "off"]),
    default="off",
    show_default=True,
    help="on: watch Services and namespaces, to capture each pod as the Services that select it"
    " need. While the API server does not answer, ports are captured by their names.",
)
@click.option(
    "--pod-security-default",
    type=click.Choice(["privileged", "baseline", "restricted"]),
    default="privileged",
    show_default=True,
    help="With --watch-services: the Pod Security level of namespaces whose labels name none, as"
    " the API server is configured (Talos: baseline). But for privileged no pod there is"
    " redirected.",
)
@click.option(
    "--events",
    type=click.Choice(["on", "off"]),
    default="off",
    show_default=True,
    help="on: write warnings as Events too, for the ReplicaSet or other owner of the pod.",
)
@click.option(
    "--stop-delay",
    metavar="DURATION",
    default="5s",
    show_default=True,
    callback=_seconds,
    help="How long it still answers after SIGTERM, while readiness fails.",
)
@click.option(
    "--log-level",
    type=click.Choice(get_args(LogLevel)),
    default="info",
    show_default=True,
    help="The lowest level that is logged.",
)
@click.option(
    "--log-format",
    type=click.Choice(get_args(LogFormat)),
    default="text",
    show_default=True,
    help="The format of log lines; json for programs.",
)
def webhook(log_level: str, log_format: str, **given: Any) -> None:
    """Serve the admission webhook that injects the sidecar into new pods.

    Every option may be an environment variable: --listen is DRAINPROXY_WEBHOOK_LISTEN.
    """
    from drainproxy.sidecar import logs

    try:
        certificates = _certificates(given)
        options = _options(given["image"], given["defaults"])
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(EX_CONFIG)
    logs.configure(log_level, log_format)
    sys.exit(_run(options, certificates, given))


def _certificates(given: dict[str, Any]) -> "Certificates | CertificateLocation":
    """Those in files, or where they are to be kept; ConfigError if the files cannot be used."""
    from drainproxy.kube.certificates import Certificates

    cert, key, secret = given["tls_cert"], given["tls_key"], given["tls_secret"]
    if secret:
        return _kept(secret, given)
    try:
        return Certificates(cert, key)
    except (OSError, ssl.SSLError) as error:
        where = f"the certificate {cert} with the key {key}"
        raise ConfigError([Mistake(where, "tls-cert", str(error))]) from None


def _kept(secret: tuple[str, str], given: dict[str, Any]) -> "CertificateLocation":
    from drainproxy.kube.certificate_keeper import CertificateLocation

    configuration, hosts = given["webhook_configuration"], given["tls_host"]
    return CertificateLocation(*secret, configuration, hosts, given["tls_days"])


def _options(image: str | None, defaults: Path | None) -> "Options":
    from drainproxy.kube.annotations import parse_image
    from drainproxy.kube.plan import NO_IMAGE, Options

    texts = _defaults(defaults) if defaults else {}
    if image is None:
        if f"{ANNOTATION_PREFIX}image" not in texts:
            raise ConfigError([NO_IMAGE])
        return Options(defaults=texts)
    try:
        return Options(image=parse_image(image), defaults=texts)
    except ValueError as error:
        raise ConfigError([Mistake("flag --image", "image", f"{image!r} {error}")]) from None


def _defaults(path: Path) -> dict[str, str]:
    """The annotations in a file; ConfigError with everything that is wrong with them."""
    from drainproxy.kube.annotations import readable

    texts, mistakes = _texts(path)
    found, wrong = readable(texts)
    if mistakes or wrong:
        raise ConfigError([*mistakes, *wrong])
    return found


def _texts(path: Path) -> tuple[dict[str, str], list[Mistake]]:
    """What stands in the file, each under the whole name of its annotation."""
    try:
        file = ConfigFile(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        return {}, [Mistake("flag --defaults", "defaults", unreadable(str(path), error))]
    texts, mistakes = {}, []
    for item in read_yaml(file):
        if isinstance(item, Mistake):
            mistakes.append(item)
        else:
            _, key, value = item
            name = ANNOTATION_PREFIX + key.removeprefix(ANNOTATION_PREFIX)
            texts[name] = value if isinstance(value, str) else " ".join(value)
    return texts, mistakes


def _run(
    options: "Options", certificates: "Certificates | CertificateLocation", given: dict[str, Any]
) -> int:
    import uvloop

    from drainproxy.kube.cluster import Unavailable

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_life(options, certificates, given))
    except OSError as error:
        click.echo(f"drainproxy: {error.strerror or error}", err=True)
        return EX_UNAVAILABLE
    except Unavailable as error:
        click.echo(f"drainproxy: {error}", err=True)
        return EX_CONFIG
    return 0


async def _life(
    options: "Options", source: "Certificates | CertificateLocation", given: dict[str, Any]
) -> None:
    """From the first review to SIGTERM, and what is under way then."""
    from drainproxy.kube.cluster_view import open_cluster_view
    from drainproxy.kube.reviews import answering
    from drainproxy.kube.webhook import ListenAddress, Metrics, Webhook, WebhookHealth, serve

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = Metrics()
    async with (
        _looked_after(source, metrics.failed) as certificates,
        open_cluster_view(_asked(given), metrics.failed) as out,
    ):

        def health() -> WebhookHealth:
            if certificates.loaded.is_set():
                return out.health().beside(certificates.problem)
            return WebhookHealth(
                f"there is no certificate yet: {certificates.problem or 'it is made'}"
            )

        place = ListenAddress(given["listen"], given["observe"])
        webhook = Webhook(answering(options, out.look, out.tell), health, metrics)
        await serve(webhook, certificates, place, stop, given["stop_delay"])


@asynccontextmanager
async def _looked_after(
    source: "Certificates | CertificateLocation", on_failure: Callable[[str], object]
) -> "AsyncIterator[Certificates | CertificateKeeper]":
    from drainproxy.kube.certificate_keeper import CertificateKeeper
    from drainproxy.kube.certificates import Certificates
    from drainproxy.kube.cluster import connected

    if isinstance(source, Certificates):
        yield source
        return
    async with connected() as cluster:
        yield CertificateKeeper(cluster, source, on_failure)


def _asked(given: dict[str, Any]) -> "ClusterAccess":
    from drainproxy.kube.cluster_view import ClusterAccess

    return ClusterAccess(
        annotations=given["namespace_annotations"] == "api",
        services=given["watch_services"] == "on",
        events=given["events"] == "on",
        pod_security=given["pod_security_default"],
    )
