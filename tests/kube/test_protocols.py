"""What is spoken at a port: names, numbers, and what they are together."""

import pytest

from drainproxy.kube.ports import AppPort, spoken
from drainproxy.kube.protocols import spoken_at
from drainproxy.kube.upstreams import forwards, trusting
from drainproxy.manifests.podspec import ContainerPort, read
from drainproxy.wire.sniff import Sniffed, sniff
from tests.kube.pods import pod
from tests.kube.test_upstreams import taken


def is_opaque(number: int, *names: str) -> bool:
    found = spoken_at(number, names)
    return found is not None and found.is_opaque(number)


def trusts(number: int, *names: str) -> str:
    found = spoken_at(number, names)
    return found.trusts if found else ""


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("mariadb", "MariaDB"),
        ("db-mysql", "MySQL"),
        ("mysql1", "MySQL"),
        ("valkey", "Valkey"),
        ("tls-redis", "Redis"),
        ("redis-client", "Redis"),
        ("tcp-redis", "Redis"),
        ("TCP_Redis", "Redis"),
        ("pgsql", "PostgreSQL"),
        ("pgbouncer", "PgBouncer"),
        ("rabbitmq", "RabbitMQ"),
        ("amqps", "AMQP"),
        ("submission", "SMTP"),
        ("smtps", "SMTP"),
        ("imaps", ""),
        ("pop3s", ""),
        ("sftp", ""),
        ("memcached", ""),
        ("openwire", ""),
        ("transport", ""),
        ("tcp", ""),
        ("tcp-web", ""),
        ("game-tcp", ""),
    ],
)
def test_a_name_says_at_any_port_that_it_is_no_http(name: str, trusted: str) -> None:
    assert is_opaque(7000, name)
    assert trusts(7000, name) == trusted


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("http", 5432),
        ("http-redis", 6379),
        ("redis-http", 6379),
        ("mysql-metrics", 9104),
        ("management", 15672),
        ("api", 8080),
        ("redistribute", 8080),
        ("kafka-connect", 8083),
        ("kafka-rest", 8082),
        ("cassandra-reaper", 8080),
        ("zookeeper-admin", 8080),
        ("oracle-ords", 8080),
        ("kubernetes.io/h2c", 5432),
    ],
)
def test_what_is_http_is_looked_into_and_trusts_nobody(name: str, number: int) -> None:
    assert not is_opaque(number, name)
    assert trusts(number, name) == ""


@pytest.mark.parametrize(
    ("name", "opaque", "http"),
    [("clickhouse", 9000, 8123), ("rabbitmq", 5672, 15672), ("nats", 4222, 8222)],
)
def test_one_name_may_be_http_at_one_port_and_not_at_another(
    name: str, opaque: int, http: int
) -> None:
    assert is_opaque(opaque, name)
    assert not is_opaque(http, name)
    assert trusts(http, name) == trusts(opaque, name)


def test_a_number_counts_where_no_name_says_anything() -> None:
    for number in (22, 25, 110, 143, 5432, 6379, 27017, 61616):
        assert is_opaque(number)
        assert is_opaque(number, "main")
    assert trusts(5432, "tcp") == "PostgreSQL"
    assert not is_opaque(9000)
    assert spoken_at(8080, ()) is None


def test_the_first_name_that_says_anything_counts() -> None:
    assert trusts(7000, "main", "redis", "mysql") == "Redis"
    assert not is_opaque(7000, "http", "redis")
    assert is_opaque(7000, "tcp", "http")


@pytest.mark.parametrize(
    "name", ["mariadb", "db-mysql", "tls-redis", "smtps", "pgbouncer", "valkey"]
)
def test_what_may_trust_loopback_is_never_looked_into(name: str) -> None:
    view = read(pod({"name": name, "containerPort": 3311}))
    protocol = spoken(AppPort(ContainerPort(3311, name)))

    assert protocol == "tcp"
    assert trusting(view, [taken(3311)], [])
    assert forwards(view, [taken(3311)], [], {}) == ["9181=pod-ip:3311/tcp"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x00\x00\x00\x1f\x00\x12", id="Kafka"),
        pytest.param(b"\x00\x00\x00\x2d\x00\x00", id="ZooKeeper"),
        pytest.param(b"\x04\x00\x00\x00\x05", id="Cassandra"),
        pytest.param(b"\x12\x01\x00\x2f", id="SQL Server"),
        pytest.param(b"\x01\x1a\x00\x00\x01", id="Oracle"),
        pytest.param(b"\x16\x03\x01", id="TLS"),
    ],
)
def test_whose_client_speaks_first_and_in_binary_needs_no_name(data: bytes) -> None:
    assert sniff(data[:1]) is sniff(data) is Sniffed.OTHER
