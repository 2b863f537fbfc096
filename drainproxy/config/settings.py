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
    choice,
)
from .setting_meta import setting
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


def _age_of(kind: str) -> Meta:
    return setting(
        DURATION,
        f"The maximum age of {kind} alone.",
        reload=True,
        default="as max-connection-age",
    )


class Settings(Struct, frozen=True, kw_only=True, rename="kebab"):
    """Everything that can be set. Durations in seconds, sizes in bytes, shares as fractions."""

    forward: Annotated[
        tuple[Forward, ...],
        setting(
            FORWARDS,
            "Forward connections to LISTEN to the app; PROTOCOL is auto (the default, detected"
            " from the first bytes), http or tcp.",
        ),
    ]
    app_host: Annotated[
        str,
        setting(
            APP_HOST,
            "The host of apps for which forward gives only a port: localhost is 127.0.0.1 or ::1,"
            " whichever the app listens on; pod-ip, also allowed in APP, is the value of the"
            " environment variable POD_IP.",
        ),
    ] = "localhost"
    app_source: Annotated[
        str | None,
        setting(
            APP_SOURCE,
            "The source address of connections to the app, used if the app's address is of the"
            " same family (and a loopback address, if this is one); off: the system chooses it.",
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
            "The token required of requests that change state, from loopback too; without a token"
            " only requests from loopback may change state.",
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
            "After drain-delay the listeners close once no new client has sent a request for this"
            " long; silent connections, port checks and probes do not count.",
            reload=True,
        ),
    ] = 2.0
    leaving_timeout: Annotated[
        float,
        setting(
            DURATION,
            "The longest time from the first goodbyes until the listeners close, even if new"
            " clients still connect; they close at latest after three quarters of the time from"
            " the start of the drain to cutting.",
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
            "The time between SIGTERM and SIGKILL on this platform; a longer drain-timeout is"
            " logged as a warning; 0 is unknown.",
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
            "The phase of a drain in which readiness begins to fail if the pod is deleted, which"
            " the sidecar's own preStop hook or a signal shows; in other drains it is announced.",
            reload=True,
        ),
    ] = "announced"
    websocket_close_code: Annotated[
        int,
        setting(
            CLOSE_CODE,
            "The status code of the Close frame in a goodbye to a WebSocket.",
            reload=True,
        ),
    ] = 1001
    websocket_close_reason: Annotated[
        str,
        setting(
            CLOSE_REASON, "The reason in the Close frame of a goodbye to a WebSocket.", reload=True
        ),
    ] = "going away"
    sse_drain: Annotated[
        EventsDrainAt,
        setting(
            choice(EventsDrainAt),
            "Whether a drain ends event streams at leaving (end), or waits for them until its"
            " deadline (wait); auto ends those whose events have an id, with which clients resume,"
            " and waits for the others.",
            reload=True,
        ),
    ] = "auto"
    websocket_drain: Annotated[
        DrainAt,
        setting(
            choice(DrainAt),
            "Whether a drain ends WebSockets at leaving (end), or waits for them until its"
            " deadline (wait).",
            reload=True,
        ),
    ] = "end"
    websocket_answer_timeout: Annotated[
        float,
        setting(
            DURATION,
            "How long a goodbye to a WebSocket waits for the app's answer to the client's last"
            " message; a missing answer is reported as unanswered; 0 is for clients that expect no"
            " answers.",
            reload=True,
        ),
    ] = 1.0
    grpc_drain: Annotated[
        DrainAt,
        setting(
            choice(DrainAt),
            "Whether a drain ends gRPC streams at leaving (end), or waits for them until its"
            " deadline (wait).",
            reload=True,
        ),
    ] = "wait"

    stream_drain: Annotated[
        tuple[EndingStream, ...],
        setting(
            STREAM_DRAIN,
            "Other endless responses that a drain ends at leaving, by media type or path prefix"
            " (/watch includes /watch/x): responses to GET in a pause as if complete, gRPC calls"
            " with UNAVAILABLE; a drain waits for all others until its deadline.",
        ),
    ] = ()

    max_connection_age: Annotated[
        float,
        setting(
            DURATION,
            "The age of a connection at which its client is asked to reconnect; 0 is never.",
            reload=True,
        ),
    ] = 1800.0
    max_connection_age_jitter: Annotated[
        float,
        setting(
            PERCENT,
            "The random deviation of each connection's maximum age, up or down.",
            reload=True,
            le=1,
        ),
    ] = 0.1
    max_connection_age_grace: Annotated[
        float,
        setting(
            DURATION,
            "The time from max-connection-age until what is still in flight is cut; 0 is never.",
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
            "The maximum age of TCP, which has no goodbye: a connection is cut after"
            " max-connection-age-grace, and kept if that is 0; 0 is never.",
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
            "The maximum number of client connections; lower if the process may not open two file"
            " descriptors for each.",
            reload=True,
            ge=1,
        ),
    ] = 10_000
    max_header_bytes: Annotated[
        int,
        setting(
            SIZE,
            "The maximum size of the head of a request or a response.",
            reload=True,
            ge=1 << 10,
            le=16 << 20,
        ),
    ] = 64 << 10
    max_fields: Annotated[
        int,
        setting(
            COUNT,
            "The maximum number of header fields of a request, or of an HTTP/1 response; in HTTP/2"
            " pseudo-header fields count, and cookies do not.",
            reload=True,
            ge=1,
            le=10_000,
        ),
    ] = 100
    header_timeout: Annotated[
        float,
        setting(
            DURATION,
            "The time limit for receiving the head of a request.",
            reload=True,
            ge=MILLISECOND,
        ),
    ] = 10.0
    idle_timeout: Annotated[
        float,
        setting(
            DURATION,
            "The time without a byte after which a connection is closed; 0 is off.",
            reload=True,
        ),
    ] = 3600.0
    connect_timeout: Annotated[
        float,
        setting(DURATION, "The time limit for connecting to the app.", reload=True, ge=MILLISECOND),
    ] = 5.0
    request_timeout: Annotated[
        float,
        setting(
            DURATION,
            "The time limit for the app to begin its response, after which the client gets 504; 0"
            " is off.",
            reload=True,
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
            "The maximum number of concurrent HTTP/2 streams of a connection; clients queue"
            " further ones.",
            ge=1,
            le=2**31 - 1,
        ),
    ] = 256
    max_resets: Annotated[
        int,
        setting(
            COUNT,
            "The maximum number of HTTP/2 streams of a connection that may be reset in any 30"
            " seconds; more end the connection, if they are more than half of the streams begun in"
            " that time.",
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
    tls_key: Annotated[
        str | None, setting(PATH, "The private key of tls-cert (PEM).", later=TLS)
    ] = None
    tls_client_ca: Annotated[
        str | None,
        setting(PATH, "The CAs (PEM) that client certificates must be issued by.", later=TLS),
    ] = None
    app_health: Annotated[
        AppHealth, setting(APP_HEALTH, "How a readiness probe checks the app.")
    ] = AppHealth("tcp")
    ready_ports: Annotated[
        tuple[int, ...] | None,
        setting(
            READY_PORTS,
            "The app's ports that must be up for readiness, while other ports count once they"
            " have been up; the injector sets it to those that a Service targets or a probe uses.",
            default="all",
        ),
    ] = None
    access_log: Annotated[
        bool, setting(SWITCH, "Whether each request is logged when it has ended.", reload=True)
    ] = False
    access_log_query: Annotated[
        bool,
        setting(
            SWITCH,
            "Whether lines of the access log include the query of the URL, which may contain"
            " secrets.",
            reload=True,
        ),
    ] = True
    log_level: Annotated[
        LogLevel, setting(choice(LogLevel), "The lowest level that is logged.", reload=True)
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
