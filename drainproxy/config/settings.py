"""What can be set: each setting with its type, its default and all that is known of it."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from .kinds import (
    APP_HEALTH,
    APP_HOST,
    APP_SOURCE,
    CLOSE_CODE,
    CLOSE_REASON,
    COUNT,
    DURATION,
    FORWARDS,
    LISTEN,
    PATH,
    PERCENT,
    READY_PORTS,
    SECRET,
    SIZE,
    STREAM_DRAIN,
    SWITCH,
    Kind,
    choice,
)
from .values import (
    Address,
    AppHealth,
    DrainAt,
    EndingStream,
    EventsDrainAt,
    Forward,
    Forwarded,
    LogFormat,
    LogLevel,
    ProxyProtocol,
    Secret,
    Unready,
)

TLS: Final = "TLS"

MILLISECOND: Final = 0.001

# tcp(7): the most that Linux takes for TCP_KEEPIDLE, in seconds.
LONGEST_KEEPALIVE: Final = 32767


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

    `reload`: an annotation or the file may change it while we run. `annotation`: it may be an
    annotation at all. `later`: the feature it waits for. `default`: words for a default that is
    no value.
    """
    extra: dict[str, object] = {
        "kind": kind,
        "reload": reload,
        "annotation": annotation,
        "later": later,
        "default": default,
    }
    return Meta(description=description, extra=extra, ge=ge, le=le)


def _age_of(kind: str) -> Meta:
    return setting(
        DURATION,
        f"The same for {kind} alone.",
        reload=True,
        default="as max-connection-age",
    )


class Settings(Struct, frozen=True, kw_only=True, rename="kebab"):
    """Everything that can be set. Durations in seconds, sizes in bytes, shares as fractions."""

    forward: Annotated[
        tuple[Forward, ...],
        setting(
            FORWARDS,
            "What comes to LISTEN goes to the app; PROTOCOL is auto (told apart by the first"
            " bytes), http or tcp.",
        ),
    ]
    app_host: Annotated[
        str,
        setting(
            APP_HOST,
            "Where an app is of which forward gives the port alone: localhost is 127.0.0.1 or ::1,"
            " whichever it has bound; pod-ip, which APP may say too, is what the environment"
            " variable POD_IP holds.",
        ),
    ] = "localhost"
    app_source: Annotated[
        str | None,
        setting(
            APP_SOURCE,
            "The address that an app sees us connect from, where that is of the same family as"
            " its own (and loopback, if this is); off leaves the choice to the system.",
            default="off",
        ),
    ] = None
    admin: Annotated[
        Address,
        setting(
            LISTEN,
            "Where probes, metrics and drain requests are answered; a port alone is one of IPv6"
            " and IPv4.",
        ),
    ] = Address("", 9180)
    grpc_health: Annotated[
        Address | None,
        setting(LISTEN, "Where gRPC health checks are answered (needs drainproxy[grpc-health])."),
    ] = None
    admin_token: Annotated[
        Secret | None,
        setting(
            SECRET,
            "Asked of everyone, loopback included, for what changes state; without one only"
            " loopback may.",
        ),
    ] = None
    admin_token_file: Annotated[str | None, setting(PATH, "A file that holds the admin token.")] = (
        None
    )

    drain_delay: Annotated[
        float,
        setting(
            DURATION,
            "How long a drain waits, still serving, until the endpoints have propagated.",
            reload=True,
        ),
    ] = 5.0
    drain_quiet: Annotated[
        float,
        setting(
            DURATION,
            "No new client has asked for anything for this long, and the listeners are closed;"
            " silence, port checks and probes do not count.",
            reload=True,
        ),
    ] = 2.0
    leaving_timeout: Annotated[
        float,
        setting(
            DURATION,
            "The listeners are closed so long after clients were told to go, whoever still comes;"
            " never later than three quarters of the time before cutting.",
            reload=True,
        ),
    ] = 60.0
    drain_timeout: Annotated[
        float, setting(DURATION, "The longest a whole drain may take.", reload=True, ge=MILLISECOND)
    ] = 25.0
    stop_timeout: Annotated[
        float | None,
        setting(
            DURATION,
            "How long after SIGTERM SIGKILL comes, where that is known: a drain that may take"
            " longer is warned of; 0 is unknown.",
            reload=True,
            default="10s in Docker and Podman, 30s in ECS, 5s in Nomad and on Fly, else unknown",
        ),
    ] = None
    drain_spread: Annotated[
        float,
        setting(
            DURATION,
            "Goodbyes to WebSocket, SSE and gRPC clients are spread over this.",
            reload=True,
        ),
    ] = 10.0
    unready: Annotated[
        Unready,
        setting(
            choice(Unready),
            "The phase from which readiness fails when the pod is deleted (by the sidecar's own"
            " hook, or a signal); in any other drain that is announced.",
            reload=True,
        ),
    ] = "announced"
    websocket_close_code: Annotated[
        int, setting(CLOSE_CODE, "The code of the Close frame sent to WebSockets.", reload=True)
    ] = 1001
    websocket_close_reason: Annotated[
        str, setting(CLOSE_REASON, "The reason in that Close frame.", reload=True)
    ] = "going away"
    sse_drain: Annotated[
        EventsDrainAt,
        setting(
            choice(EventsDrainAt),
            "Event streams end when leaving, or wait until the deadline; auto ends those whose"
            " events carry an id, by which their clients resume them, and waits for the others.",
            reload=True,
        ),
    ] = "auto"
    websocket_drain: Annotated[
        DrainAt,
        setting(
            choice(DrainAt), "WebSockets end when leaving, or wait until the deadline.", reload=True
        ),
    ] = "end"
    websocket_answer_timeout: Annotated[
        float,
        setting(
            DURATION,
            "So long an answer to a WebSocket's last message is waited for before it is closed, and"
            " counted if it has not come; 0 is for clients that expect none.",
            reload=True,
        ),
    ] = 1.0
    grpc_drain: Annotated[
        DrainAt,
        setting(
            choice(DrainAt),
            "Streams of gRPC end when leaving, or wait until the deadline.",
            reload=True,
        ),
    ] = "wait"

    stream_drain: Annotated[
        tuple[EndingStream, ...],
        setting(
            STREAM_DRAIN,
            "Other answers without an end that end when leaving, by media type or by path (/watch"
            " is /watch/x too): of GET in a pause, as if they were whole, of gRPC with"
            " UNAVAILABLE; all others wait.",
        ),
    ] = ()

    max_connection_age: Annotated[
        float,
        setting(
            DURATION,
            "The age at which a connection is asked to come again; 0 is never.",
            reload=True,
        ),
    ] = 1800.0
    max_connection_age_jitter: Annotated[
        float,
        setting(
            PERCENT,
            "The age of each connection varies by this share.",
            reload=True,
            le=1,
        ),
    ] = 0.1
    max_connection_age_grace: Annotated[
        float,
        setting(
            DURATION,
            "What is still in flight so long after that age is cut; 0 is never.",
            reload=True,
        ),
    ] = 0.0
    max_connection_age_http1: Annotated[float | None, _age_of("HTTP/1")] = None
    max_connection_age_http2: Annotated[float | None, _age_of("HTTP/2")] = None
    max_connection_age_websocket: Annotated[float | None, _age_of("WebSockets")] = None
    max_connection_age_sse: Annotated[float | None, _age_of("event streams")] = None
    max_connection_age_tcp: Annotated[
        float,
        setting(
            DURATION,
            "The same for TCP, which cannot be told anything: it is cut after the grace, and left"
            " alone if there is none; 0 is never.",
            reload=True,
        ),
    ] = 0.0
    max_stream_age: Annotated[
        float,
        setting(
            DURATION,
            "The age at which a gRPC stream ends with UNAVAILABLE; 0 is never.",
            reload=True,
        ),
    ] = 0.0

    max_connections: Annotated[
        int,
        setting(
            COUNT,
            "Client connections at once; fewer where there are not two descriptors for each.",
            reload=True,
            ge=1,
        ),
    ] = 10_000
    max_header_bytes: Annotated[
        int,
        setting(
            SIZE,
            "The longest head of a request or a response.",
            reload=True,
            ge=1 << 10,
            le=16 << 20,
        ),
    ] = 64 << 10
    max_fields: Annotated[
        int,
        setting(
            COUNT,
            "The most fields in the head of a request, or of an answer in HTTP/1; in HTTP/2"
            " pseudo-header fields count, and cookies do not.",
            reload=True,
            ge=1,
            le=10_000,
        ),
    ] = 100
    header_timeout: Annotated[
        float,
        setting(
            DURATION, "The head of a request is complete within this.", reload=True, ge=MILLISECOND
        ),
    ] = 10.0
    idle_timeout: Annotated[
        float,
        setting(
            DURATION, "A connection without a byte this long is closed; 0 is off.", reload=True
        ),
    ] = 3600.0
    connect_timeout: Annotated[
        float, setting(DURATION, "The app accepts within this.", reload=True, ge=MILLISECOND)
    ] = 5.0
    request_timeout: Annotated[
        float,
        setting(DURATION, "The app begins to answer within this, or 504; 0 is off.", reload=True),
    ] = 0.0
    tcp_keepalive: Annotated[
        float,
        setting(
            DURATION,
            "A TCP connection, to a client or to the app, that is idle this long is probed, and"
            " ends if nobody answers for as long again; 0 is off.",
            reload=True,
            le=LONGEST_KEEPALIVE,
        ),
    ] = 60.0
    idle_close: Annotated[
        float,
        setting(
            DURATION,
            "In a drain, or past its age, an HTTP/1 connection idle this long is closed.",
            reload=True,
        ),
    ] = 5.0
    max_streams: Annotated[
        int,
        setting(
            COUNT,
            "HTTP/2 streams at once on a connection; its client waits with further ones.",
            ge=1,
            le=2**31 - 1,
        ),
    ] = 256
    max_resets: Annotated[
        int,
        setting(
            COUNT,
            "HTTP/2 streams of a connection that may be reset in any 30 seconds; more end it, if"
            " they are more than half of the streams begun in that time.",
            ge=1,
        ),
    ] = 500

    forwarded: Annotated[
        Forwarded,
        setting(
            choice(Forwarded),
            "Whether X-Forwarded-For, -Proto and -Host are appended.",
            reload=True,
        ),
    ] = "append"
    proxy_protocol: Annotated[
        ProxyProtocol,
        setting(
            choice(ProxyProtocol),
            "The version of the PROXY header sent to the app.",
            later="the PROXY protocol",
        ),
    ] = "off"
    tls_cert: Annotated[
        str | None, setting(PATH, "The certificate chain (PEM) of the listeners.", later=TLS)
    ] = None
    tls_key: Annotated[str | None, setting(PATH, "The private key (PEM) to it.", later=TLS)] = None
    tls_client_ca: Annotated[
        str | None,
        setting(PATH, "Clients need a certificate of these authorities (PEM).", later=TLS),
    ] = None
    app_health: Annotated[AppHealth, setting(APP_HEALTH, "What readiness asks the app.")] = (
        AppHealth("tcp")
    )
    ready_ports: Annotated[
        tuple[int, ...] | None,
        setting(
            READY_PORTS,
            "The ports of the app without which we are not ready, while others count from their"
            " first answer on; the injector takes those that a Service targets or a probe names.",
            default="all",
        ),
    ] = None
    access_log: Annotated[
        bool, setting(SWITCH, "One line in the log per request.", reload=True)
    ] = False
    access_log_query: Annotated[
        bool,
        setting(
            SWITCH,
            "Whether that line has the query of the target, in which people put their keys.",
            reload=True,
        ),
    ] = True
    log_level: Annotated[LogLevel, setting(choice(LogLevel), "What is logged.", reload=True)] = (
        "info"
    )
    log_format: Annotated[
        LogFormat, setting(choice(LogFormat), "How it is logged; json for machines.")
    ] = "text"
    report_file: Annotated[
        str | None,
        setting(PATH, "Where the drain report goes at exit, such as /dev/termination-log."),
    ] = None
    annotations_file: Annotated[
        str | None,
        setting(
            PATH,
            "The pod's annotations as the downward API writes them; watched for changes.",
            annotation=False,
        ),
    ] = None
