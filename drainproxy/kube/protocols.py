"""The protocol of a port by its names and its number, in one table.

In some protocols the server speaks first, where `auto` would wait for the client; some servers
trust clients from loopback, and behind a sidecar every client comes from there.
"""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct


class Spoken(Struct, frozen=True):
    """A protocol. `trusts` names what trusts loopback by default; `http_at` are ports at which
    whatever bears its name speaks HTTP, and `only_at`, if there are any, those at which it does
    not."""

    names: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    trusts: str = ""
    http_at: tuple[int, ...] = ()
    only_at: tuple[int, ...] = ()
    is_http: bool = False

    def is_opaque(self, number: int) -> bool:
        """Whether the sidecar is not to look into it at this port."""
        elsewhere = bool(self.only_at) and number not in self.only_at
        return not (self.is_http or elsewhere or number in self.http_at)


# Names that say no more than how it is carried. What a name or number says beside is believed.
_TCP: Final = Spoken(("tcp",))
# Names of HTTP, and of what is asked by HTTP. Such a name is believed, whatever the number or the
# rest of the name is known for: `redis-metrics` is no Redis.
_HTTP: Final = Spoken(
    (
        "grpc",
        "h2c",
        "http",
        "http2",
        "https",
        "web",
        "ws",
        "wss",
        "exporter",
        "management",
        "metrics",
        "prometheus",
    ),
    is_http=True,
)
# What trusts loopback by default: PostgreSQL's pg_hba.conf, the accounts of MySQL at localhost,
# Redis in protected mode, MongoDB until it has a user, RabbitMQ for its guest (over AMQP, MQTT and
# STOMP), ClickHouse for its default user, Postfix by mynetworks. Numbers are those that are
# registered or usual for nothing else: at 9000 is as often HTTP as ClickHouse. Left out is whose
# clients speak first and in binary (Kafka, ZooKeeper, Cassandra, SQL Server, Oracle): their first
# byte tells it, and what bears their names is often HTTP (`kafka-connect`, `kafka-ui`).
_TABLE: Final = (
    Spoken(("postgres", "postgresql", "pgsql", "pg", "psql"), (5432,), "PostgreSQL"),
    Spoken(("pgbouncer", "pgpool"), (6432,), "PgBouncer"),
    Spoken(("mysql", "mysqlx"), (3306, 33060), "MySQL"),
    Spoken(("mariadb",), (), "MariaDB"),
    Spoken(("redis", "rediss", "sentinel"), (6379, 26379), "Redis"),
    Spoken(("valkey",), (), "Valkey"),
    Spoken(("mongo", "mongodb", "mongos"), (27017,), "MongoDB"),
    Spoken(("amqp", "amqps"), (5671, 5672), "AMQP"),
    Spoken(("rabbitmq",), (), "RabbitMQ", http_at=(15671, 15672, 15692)),
    Spoken(("smtp", "smtps", "submission", "submissions"), (25, 465, 587), "SMTP"),
    Spoken(("mqtt", "mqtts"), (1883, 8883), "MQTT"),
    Spoken(("stomp",), (61613,), "STOMP"),
    Spoken(("clickhouse",), (), "ClickHouse", only_at=(9000, 9440)),
    Spoken(("galera", "sst", "wsrep"), (4444,)),
    Spoken(("memcache", "memcached"), (11211,)),
    Spoken(("nats",), (4222,), http_at=(7777, 8222)),
    Spoken(("activemq", "openwire"), (61616,), http_at=(8161,)),
    Spoken(("transport",), (9300,)),
    Spoken(("ldap", "ldaps")),
    Spoken(("ftp", "ftps"), (21,)),
    Spoken(("ssh", "sftp"), (22,)),
    Spoken(("imap", "imaps"), (143, 993)),
    Spoken(("pop3", "pop3s"), (110, 995)),
    Spoken(("rtsp", "rtsps"), (554,)),
    Spoken(("sip", "sips"), (5060, 5061)),
    Spoken(("icap", "icaps"), (1344,)),
    Spoken(("debug", "jdwp")),
    Spoken(("irc", "rsync", "telnet", "vnc", "xmpp")),
)
_BY_WORD: Final = {word: each for each in (_TCP, _HTTP, *_TABLE) for word in each.names}
_BY_NUMBER: Final = {number: each for each in _TABLE for number in each.numbers}
_BREAKS: Final = re.compile(r"[^a-z0-9]+")
_COUNTED: Final = re.compile(r"(.*[a-z])\d+")


def spoken_at(number: int, names: Iterable[str | None]) -> Spoken | None:
    """What is known of a port; None if nothing is. The first name that says anything counts."""
    is_tcp = False
    for found in map(_named, filter(None, names)):
        if found is not None and found is not _TCP:
            return _TCP if found is _HTTP and is_tcp else found
        is_tcp = is_tcp or found is _TCP
    return _BY_NUMBER.get(number) or (_TCP if is_tcp else None)


def _named(name: str) -> Spoken | None:
    """What a name says: any of its words may (`tls-redis`), numbered or not (`redis1`)."""
    words = [_BY_WORD.get(word) or _numbered(word) for word in _BREAKS.split(name.lower())]
    found = [each for each in words if each]
    if not found:
        return None
    # As in Istio, `tcp-web` is TCP.
    if _HTTP in found:
        return _TCP if words[0] is _TCP else _HTTP
    return next((each for each in found if each is not _TCP), _TCP)


def _numbered(word: str) -> Spoken | None:
    match = _COUNTED.fullmatch(word)
    return _BY_WORD.get(match[1]) if match else None
