"""Kafka behind passwords and TLS: every way the hub talks to it, and what it says when that is refused."""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.fixtures.kafka_cluster import PASSWORD, USER, Cluster
from tests.fixtures.ports import free_port
from tests.fixtures.project import Project, make_event

pytestmark = pytest.mark.timeout(180)

DESTINATIONS = '{db: {type: database, url: "sqlite:///events.db"}, out: {type: console}}'
ROUTES = "[{id: all, when: {source: [github]}, to: [db, out]}]"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    node = Cluster(tmp_path_factory.mktemp("secure") / "nodes", 1, secure=True)
    try:
        node.start()
        yield node
    finally:
        node.stop()


def with_password(secure: Cluster, password: str = PASSWORD) -> KafkaConnection:
    assert secure.certificates is not None
    return KafkaConnection(
        f"127.0.0.1:{secure.nodes[0].ports['SASL_SSL']}",
        {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": USER,
            "sasl.password": password,
            "ssl.truststore.location": str(secure.certificates.authority),
        },
    )


def with_password_alone(secure: Cluster) -> KafkaConnection:
    """As Java clients write it, and without TLS."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return KafkaConnection(
        f"127.0.0.1:{secure.nodes[0].ports['SASL_PLAINTEXT']}",
        {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.jaas.config": f'{module} required username="{USER}" password="{PASSWORD}";',
        },
    )


def with_certificate(secure: Cluster, authority: Path | None = None) -> KafkaConnection:
    assert secure.certificates is not None
    return KafkaConnection(
        f"127.0.0.1:{secure.nodes[0].ports['SSL']}",
        {
            "security.protocol": "SSL",
            "ssl.truststore.location": str(authority or secure.certificates.authority),
            "ssl.keystore.location": str(secure.certificates.client),
        },
    )


def with_certificate_as_text(secure: Cluster) -> KafkaConnection:
    assert secure.certificates is not None
    key, end, chain = secure.certificates.client.read_text().partition("-----END PRIVATE KEY-----\n")
    return KafkaConnection(
        f"127.0.0.1:{secure.nodes[0].ports['SSL']}",
        {
            "security.protocol": "SSL",
            "ssl.truststore.certificates": secure.certificates.authority.read_text(),
            "ssl.keystore.certificate.chain": chain,
            "ssl.keystore.key": key + end,
        },
    )


@pytest.mark.parametrize("connect", [with_password, with_password_alone, with_certificate_as_text])
def test_everything_the_hub_does_works_behind_it(
    secure: Cluster, topics: Topics, tmp_path: Path, connect: Callable[[Cluster], KafkaConnection]
) -> None:
    everything_works(Project(tmp_path, connect(secure), topics, DESTINATIONS, ROUTES))


def everything_works(hub: Project) -> None:
    events = [make_event(f"e{n}") for n in range(20)]
    hub.receive(*events)
    with hub.worker(), receiving(hub):
        done = json.loads(hub("replay", "--route", "all", "--since", "1h", "--yes", "--wait", "--json").stdout)
        assert done["ends"] == {"db": {"delivered": 20}, "out": {"delivered": 20}}
        hub("status", "--json")
    assert len(json.loads(hub("events", "list", "--json").stdout)) == 20
    assert "e0" in hub("events", "show", "e0").stdout
    hub("topics")
    hub("ledger", "verify")
    hub("dead", "list")
    hub("pause", "db", "--reason", "test")
    hub("resume", "db")


@contextmanager
def receiving(hub: Project) -> Iterator[None]:
    """An ingress runs that says it can store."""
    port = free_port()
    process = hub.start("ingress", "--port", str(port))
    try:
        end = time.monotonic() + 40
        while ready(port) != 200:
            assert time.monotonic() < end, hub.log()
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def ready(port: int) -> int | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def said_by(hub: Project, service: str, complaint: str) -> str:
    """Start a service and wait until it says so; it waits for better days meanwhile."""
    process = hub.start(service)
    try:
        end = time.monotonic() + 40
        while not re.search(complaint, hub.log()):
            assert time.monotonic() < end, hub.log()
            time.sleep(0.1)
        assert process.poll() is None, "credentials get rotated: it was to try again"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return hub.log()


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("password", r"does not accept the user name or the password; set .*HUB_KAFKA_SASL_PASSWORD"),
        ("authority", r"certificate that is not trusted .*HUB_KAFKA_SSL_TRUSTSTORE_LOCATION"),
        ("no certificate", r"set HUB_KAFKA_SSL_KEYSTORE_LOCATION"),
    ],
)
def test_what_is_refused_says_what_to_do_and_shows_no_secret(
    secure: Cluster, topics: Topics, tmp_path: Path, what: str, complaint: str
) -> None:
    assert secure.certificates is not None
    right = with_certificate(secure)
    properties = {name: value for name, value in right.properties.items() if "keystore" not in name}
    wrong = {
        "password": with_password(secure, "wr0ng-secret"),
        "authority": with_certificate(secure, secure.certificates.stranger),
        "no certificate": KafkaConnection(right.bootstrap, properties),
    }[what]
    hub = Project(tmp_path, with_password(secure), topics, DESTINATIONS, ROUTES)
    hub.use(right)
    hub("topics")
    hub.use(wrong)
    result = hub("topics", code=1)
    assert re.search(complaint, result.stderr), result.stderr
    for service in ("worker", "ingress"):
        assert "wr0ng-secret" not in result.output + said_by(hub, service, complaint)


@pytest.mark.parametrize("service", ["topics", "worker", "ingress"])
def test_a_certificate_that_cannot_be_read_is_a_configuration_error_before_anything_starts(
    secure: Cluster, topics: Topics, tmp_path: Path, service: str
) -> None:
    hub = Project(tmp_path, with_password(secure), topics, DESTINATIONS, ROUTES)
    hub.use(with_certificate(secure, tmp_path / "nowhere.pem"))
    result = hub(service, code=2)
    assert re.search(r"cannot use the certificates of ssl.truststore.location \S+/nowhere.pem", result.stderr)
