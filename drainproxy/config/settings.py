"""The settings: each with its type, its default, and how it is described."""

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
            "Forward connections to LISTEN to the app; PROTOCOL is auto (detected from the first"
            " bytes), http or tcp.",
        ),
    ]
    app_host: Annotated[
        str,
        setting(
            APP_HOST,
            "The host of an app of which forward gives only the port: localhost is 127.0.0.1 or"
            " ::1, whichever the app listens on; pod-ip, also allowed in APP, is the value of the"
            " environment variable POD_IP.",
        ),
    ] = "localhost"
    app_source: Annotated[
        str | None,
        setting(
            APP_SOURCE,
            "The source address of connections to the app, used where the app's address is of the"
            " same family (and loopback, if this is); off leaves the choice to the system.",
            default="off",
        ),
    ] = None
    admin: Annotated[
        Address,
        setting(
            LISTEN,
            "The address of probes, metrics and drain requests; a port alone listens on IPv6 and"
            " IPv4.",
        ),
    ] = Address("", 9180)
    grpc_health: Annotated[
        Address | None,
        setting(LISTEN, "The address of gRPC health checks (needs drainproxy[grpc-health])."),
    ] = None
    admin_token: Annotated[
        Secret | None,
        setting(
            SECRET,
            "The token that requests which change state need, from loopback too; without one only"
            " requests from loopback may change state.",
        ),
    ] = None
    admin_token_file: Annotated[str | None, setting(PATH, "A file that holds the admin token.")] = (
        None
    )

    drain_delay: Annotated[
        float,
        setting(
            DURATION,
            "How long a drain waits, still serving, for the endpoint removal to propagate.",
            reload=True,
        ),
    ] = 5.0
    drain_quiet: Annotated[
        float,
        setting(
            DURATION,
            "The listeners are closed when no new client has sent a request for this long; silent"
            " connections, port checks and probes do not count.",
            reload=True,
        ),
    ] = 2.0
    leaving_timeout: Annotated[
        float,
        setting(
            DURATION,
            "The listeners are closed at latest this long after clients were told to go, and after"
            " three quarters of the time before cutting, even if new clients still connect.",
            reload=True,
        ),
    ] = 60.0
    drain_timeout: Annotated[
        float, setting(DURATION, "The longest that a drain may take.", reload=True, ge=MILLISECOND)
    ] = 25.0
    stop_timeout: Annotated[
        float | None,
        setting(
            DURATION,
            "The time between SIGTERM and SIGKILL on this platform: a warning says if drain-timeout"
            " is longer; 0 is unknown.",
            reload=True,
            default="10s in Docker and Podman, 30s in ECS, 5s in Nomad and on Fly, else unknown",
        ),
    ] = None
    drain_spread: Annotated[
        float,
        setting(
            DURATION,
            "The time over which goodbyes to WebSocket, SSE and gRPC clients are spread.",
            reload=True,
        ),
    ] = 10.0
    unready: Annotated[
        Unready,
        setting(
            choice(Unready),
            "The phase from which readiness fails when the pod is deleted (known by the sidecar's"
            " own preStop hook, or a signal); in all other drains it fails from announced on.",
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
            "Whether a drain ends event streams at leaving, or waits for them until the deadline;"
            " auto ends those whose events carry an id, by which clients resume them, and waits for"
            " the others.",
            reload=True,
        ),
    ] = "auto"
    websocket_drain: Annotated[
        DrainAt,
        setting(
            choice(DrainAt),
            "Whether a drain ends WebSockets at leaving, or waits for them until the deadline.",
            reload=True,
        ),
    ] = "end"
    websocket_answer_timeout: Annotated[
        float,
        setting(
            DURATION,
            "How long a goodbye waits for the app's answer to the last message of a WebSocket"
            " client, and is counted if it is missing; 0 is for clients that expect none.",
            reload=True,
        ),
    ] = 1.0
    grpc_drain: Annotated[
        DrainAt,
        setting(
            choice(DrainAt),
            "Whether a drain ends gRPC streams at leaving, or waits for them until the deadline.",
            reload=True,
        ),
    ] = "wait"

    stream_drain: Annotated[
        tuple[EndingStream, ...],
        setting(
            STREAM_DRAIN,
            "Other endless responses that a drain ends at leaving, by media type or path (/watch is"
            " /watch/x too): those to GET in a pause, like complete ones, those of gRPC with"
            " UNAVAILABLE; all others are waited for until the deadline.",
        ),
    ] = ()

    max_connection_age: Annotated[
        float,
        setting(
            DURATION,
            "The age at which a client is asked to reconnect; 0 is never.",
            reload=True,
        ),
    ] = 1800.0
    max_connection_age_jitter: Annotated[
        float,
        setting(
            PERCENT,
            "By how much the age of each connection varies, either way.",
            reload=True,
            le=1,
        ),
    ] = 0.1
    max_connection_age_grace: Annotated[
        float,
        setting(
            DURATION,
            "How long after that age what is still in flight is cut; 0 is never.",
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
            "The same for TCP, which has no goodbye: a connection is cut after the grace, and kept"
            " without a grace; 0 is never.",
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
            "The most client connections at once; fewer if there are not two file descriptors for"
            " each.",
            reload=True,
            ge=1,
        ),
    ] = 10_000
    max_header_bytes: Annotated[
        int,
        setting(
            SIZE,
            "The size limit of the head of a request or a response.",
            reload=True,
            ge=1 << 10,
            le=16 << 20,
        ),
    ] = 64 << 10
    max_fields: Annotated[
        int,
        setting(
            COUNT,
            "The most header fields of a request, or of an HTTP/1 response; in HTTP/2 pseudo-header"
            " fields count, and cookies do not.",
            reload=True,
            ge=1,
            le=10_000,
        ),
    ] = 100
    header_timeout: Annotated[
        float,
        setting(
            DURATION, "The head of a request must end within this.", reload=True, ge=MILLISECOND
        ),
    ] = 10.0
    idle_timeout: Annotated[
        float,
        setting(
            DURATION,
            "A connection is closed after this long without a byte; 0 is off.",
            reload=True,
        ),
    ] = 3600.0
    connect_timeout: Annotated[
        float, setting(DURATION, "The app must accept within this.", reload=True, ge=MILLISECOND)
    ] = 5.0
    request_timeout: Annotated[
        float,
        setting(
            DURATION, "The app must begin to answer within this, or 504; 0 is off.", reload=True
        ),
    ] = 0.0
    tcp_keepalive: Annotated[
        float,
        setting(
            DURATION,
            "How long a TCP connection, to a client or the app, is idle before keepalive probes,"
            " which end it if none is answered for as long again; 0 is off.",
            reload=True,
            le=LONGEST_KEEPALIVE,
        ),
    ] = 60.0
    idle_close: Annotated[
        float,
        setting(
            DURATION,
            "How long an HTTP/1 connection may be idle in a drain, or past its age, before it is"
            " closed.",
            reload=True,
        ),
    ] = 5.0
    max_streams: Annotated[
        int,
        setting(
            COUNT,
            "The most HTTP/2 streams at once on a connection; clients queue further ones.",
            ge=1,
            le=2**31 - 1,
        ),
    ] = 256
    max_resets: Annotated[
        int,
        setting(
            COUNT,
            "The most HTTP/2 streams of a connection that may be reset in any 30 seconds; more end"
            " it, if they are more than half of the streams begun in that time.",
            ge=1,
        ),
    ] = 500

    forwarded: Annotated[
        Forwarded,
        setting(
            choice(Forwarded),
            "Whether X-Forwarded-For, -Proto and -Host are added to requests.",
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
    tls_key: Annotated[str | None, setting(PATH, "Its private key (PEM).", later=TLS)] = None
    tls_client_ca: Annotated[
        str | None,
        setting(PATH, "The authorities (PEM) that client certificates must be of.", later=TLS),
    ] = None
    app_health: Annotated[
        AppHealth, setting(APP_HEALTH, "How a readiness probe checks the app.")
    ] = AppHealth("tcp")
    ready_ports: Annotated[
        tuple[int, ...] | None,
        setting(
            READY_PORTS,
            "The app's ports that must answer for readiness, while others count once they have"
            " answered; the injector names those that a Service targets or a probe uses.",
            default="all",
        ),
    ] = None
    access_log: Annotated[
        bool, setting(SWITCH, "Whether each request gets a line in the log.", reload=True)
    ] = False
    access_log_query: Annotated[
        bool,
        setting(
            SWITCH,
            "Whether that line has the query of the URL, which may hold secrets.",
            reload=True,
        ),
    ] = True
    log_level: Annotated[
        LogLevel, setting(choice(LogLevel), "The least level that is logged.", reload=True)
    ] = "info"
    log_format: Annotated[
        LogFormat, setting(choice(LogFormat), "The format of log lines; json for programs.")
    ] = "text"
    report_file: Annotated[
        str | None,
        setting(PATH, "The file for the drain report, such as /dev/termination-log."),
    ] = None
    annotations_file: Annotated[
        str | None,
        setting(
            PATH,
            "The file of the pod's annotations, written by the downward API; watched for changes.",
            annotation=False,
        ),
    ] = None
