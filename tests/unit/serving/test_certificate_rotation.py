"""A renewed certificate is used once it is whole; whatever else lies in the files, the old one goes on."""

import asyncio
import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from hub.ingress.server import Listen
from hub.serving.certificate import CertificateError, CertificateFiles, load
from hub.serving.certificate_rotation import CertificateRotation
from tests.fixtures.certificates import (
    Replace,
    by_rename,
    by_symlink,
    chain_of,
    files_of,
    in_place,
    issue,
    key_of,
    serial_of,
    shown_serial,
    trusting,
)
from tests.fixtures.ingress_server import running

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> CertificateFiles:
    return files_of(issue(authority), tmp_path)


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.message for record in caplog.records if record.levelno == level]


@pytest.mark.parametrize("replace", [in_place, by_rename, by_symlink])
def test_a_renewed_certificate_is_used_when_both_files_are_there(
    replace: Replace, authority: trustme.CA, files: CertificateFiles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rotation = CertificateRotation(files)
    old, new = rotation.current, issue(authority, until=NOW + timedelta(days=90))

    replace(files.chain, chain_of(new))
    rotation.look(NOW)
    assert rotation.current is old
    replace(files.key, key_of(new))
    rotation.look(NOW)

    assert rotation.current.content == (chain_of(new), key_of(new))
    assert not messages(caplog, logging.ERROR), "a renewal in progress is no failure"
    (told,) = caplog.records
    assert told.message == "a new TLS certificate is used"
    assert told.__dict__["names"] == "127.0.0.1,localhost"
    assert told.__dict__["expires"] == rotation.current.expires.isoformat()


@pytest.mark.parametrize(
    ("chain", "key", "reason"),
    [
        pytest.param("new", "old", "KEY_VALUES_MISMATCH", id="only the chain"),
        pytest.param("old", "new", "KEY_VALUES_MISMATCH", id="only the key"),
        pytest.param("half", "new", "does not begin with a whole PEM certificate", id="half a chain"),
        pytest.param("new", "half", "do not make a pair", id="half a key"),
        pytest.param("new", "empty", "do not make a pair", id="no key"),
        pytest.param("new", "locked", "has a password", id="a key with a password"),
        pytest.param("absent", "new", "No such file", id="no file"),
    ],
)
def test_what_stays_unusable_is_told_once_and_the_old_certificate_goes_on(
    chain: str,
    key: str,
    reason: str,
    authority: trustme.CA,
    files: CertificateFiles,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rotation = CertificateRotation(files)
    old, new = rotation.current, issue(authority)
    locked = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4wBQ==\n-----END ENCRYPTED PRIVATE KEY-----\n"
    chains = {"old": old.content[0], "new": chain_of(new), "half": chain_of(new)[:300], "absent": b""}
    keys = {"old": old.content[1], "new": key_of(new), "half": key_of(new)[:100], "empty": b"", "locked": locked}
    files.chain.write_bytes(chains[chain])
    files.key.write_bytes(keys[key])
    if chain == "absent":
        files.chain.unlink()

    for _ in range(4):
        rotation.look(NOW)

    assert rotation.current is old
    (told,) = caplog.records
    assert (told.levelno, told.message) == (
        logging.ERROR,
        "the new TLS certificate cannot be used, the old one goes on",
    )
    assert reason in told.__dict__["reason"]

    files_of(new, files.chain.parent)
    rotation.look(NOW)
    assert rotation.current.content == (chain_of(new), key_of(new))


def test_a_certificate_near_its_end_is_told_once_a_day(
    authority: trustme.CA, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rotation = CertificateRotation(files_of(issue(authority, until=NOW + timedelta(days=8)), tmp_path))

    rotation.look(NOW)
    assert not caplog.records
    for hours in range(25, 25 + 48):
        rotation.look(NOW + timedelta(hours=hours))
    assert len(messages(caplog, logging.WARNING)) == 2
    assert all("expires soon" in message for message in messages(caplog, logging.WARNING))
    caplog.clear()
    rotation.look(NOW + timedelta(days=9))
    (told,) = messages(caplog, logging.WARNING)
    assert "has expired" in told


def test_a_certificate_that_changes_while_it_is_read_is_not_used(
    authority: trustme.CA, files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = iter([(files.chain.read_bytes(), b"an older key"), files.content()])
    monkeypatch.setattr(CertificateFiles, "content", lambda _: next(held))

    with pytest.raises(CertificateError, match="was replaced while it was read"):
        load(files)


def test_files_that_cannot_be_used_at_a_start_are_named(files: CertificateFiles, authority: trustme.CA) -> None:
    files.key.write_bytes(key_of(issue(authority)))

    with pytest.raises(CertificateError, match=r"key\.pem and .*chain\.pem do not make a pair"):
        CertificateRotation(files)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("host", ["localhost", None])
async def test_every_kind_of_handshake_sees_the_present_certificate(
    version: ssl.TLSVersion,
    host: str | None,
    authority: trustme.CA,
    files: CertificateFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hub.serving.certificate_rotation.EVERY", 0.02)
    client = trusting(authority)
    client.minimum_version = client.maximum_version = version
    client.check_hostname = host is not None
    # Of another kind of key, as certbot renews an old RSA certificate: the old one must not stay beside it.
    new = authority.issue_cert("127.0.0.1", "localhost", key_type=trustme.KeyType.RSA)
    async with running(listen=Listen(port=0, certificate=files)) as (_, port, _server):
        before = await asyncio.to_thread(shown_serial, port, client, host)
        files_of(new, files.chain.parent)
        async with asyncio.timeout(10):
            while await asyncio.to_thread(shown_serial, port, client, host) == before:
                pass
        assert await asyncio.to_thread(shown_serial, port, client, host) == serial_of(new)
