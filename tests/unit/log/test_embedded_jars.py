"""Kafka's jars: what was fetched is what Apache published, and is fetched once."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import jgo
import pytest

from hub.log.embedded.errors import JarsMismatchError, JarsUnavailableError
from hub.log.embedded.jars import cache_folder, expected_sums, resolve_with_jgo, verified_jars

CONTENTS = {"kafka.jar": b"kafka", "slf4j.jar": b"slf4j"}
SUMS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}


class Repository:
    """Stands for jgo: puts files into a folder, and counts how often it was asked."""

    def __init__(self, folder: Path, contents: dict[str, bytes]) -> None:
        self.folder = folder
        self.contents = contents
        self.asked = 0

    def __call__(self) -> Sequence[Path]:
        self.asked += 1
        self.folder.mkdir(exist_ok=True)
        for name, content in self.contents.items():
            (self.folder / name).unlink(missing_ok=True)
            (self.folder / name).write_bytes(content)
        return [self.folder / name for name in self.contents]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository", CONTENTS)


def test_a_second_start_does_not_ask_the_repository(tmp_path: Path, repository: Repository) -> None:
    first = verified_jars(tmp_path / "cache", sums=SUMS, fetch=repository)
    second = verified_jars(tmp_path / "cache", sums=SUMS, fetch=repository)

    assert first == second == tuple(tmp_path / "cache" / "jars" / name for name in sorted(SUMS))
    assert [jar.read_bytes() for jar in first] == [b"kafka", b"slf4j"]
    assert repository.asked == 1


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_a_damaged_cache_is_fetched_again(tmp_path: Path, repository: Repository, damage: str) -> None:
    jar = verified_jars(tmp_path / "cache", sums=SUMS, fetch=repository)[0]
    jar.unlink()
    if damage == "changed":
        jar.write_bytes(b"KAFKA")

    verified_jars(tmp_path / "cache", sums=SUMS, fetch=repository)

    assert jar.read_bytes() == b"kafka"
    assert repository.asked == 2


def test_a_cache_copied_from_another_machine_needs_no_repository(tmp_path: Path, repository: Repository) -> None:
    jars = verified_jars(tmp_path / "cache", sums=SUMS, fetch=repository)
    for jar in jars:
        os.utime(jar, (1, 1))

    assert verified_jars(tmp_path / "cache", sums=SUMS, fetch=repository) == jars
    assert repository.asked == 1


def test_a_jar_with_another_sum_is_refused_and_never_used(tmp_path: Path) -> None:
    evil = Repository(tmp_path / "repository", CONTENTS | {"kafka.jar": b"evil"})

    with pytest.raises(JarsMismatchError, match=r"repository/kafka\.jar has SHA-256 .*, expected .*start again"):
        verified_jars(tmp_path / "cache", sums=SUMS, fetch=evil)

    assert not (tmp_path / "cache" / "jars").exists()


def test_another_set_of_jars_is_refused(tmp_path: Path) -> None:
    other = Repository(tmp_path / "repository", {"kafka.jar": b"kafka", "log4j.jar": b""})

    with pytest.raises(JarsMismatchError, match=r"missing: \['slf4j\.jar'\], unexpected: \['log4j\.jar'\]"):
        verified_jars(tmp_path / "cache", sums=SUMS, fetch=other)


def test_being_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(coordinates: str) -> None:
        raise OSError(f"cannot reach the repository for {coordinates}")

    monkeypatch.setattr(jgo, "build", offline)

    with pytest.raises(JarsUnavailableError, match=r"cannot reach the repository.*go online.*HUB_KAFKA"):
        resolve_with_jgo()


def test_a_cache_that_cannot_be_written_says_what_to_do(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(JarsUnavailableError, match="XDG_CACHE_HOME"):
        verified_jars(tmp_path / "file" / "cache", sums=SUMS, fetch=repository)


def test_the_committed_sums_are_of_one_kafka_version() -> None:
    sums = expected_sums()

    assert len(sums) == 46
    assert {"kafka_2.13-4.3.1.jar", "kafka-clients-4.3.1.jar", "kafka-server-4.3.1.jar"} <= set(sums)
    assert all(len(digest) == 64 for digest in sums.values())


def test_all_hubs_of_a_user_share_one_cache(tmp_path: Path) -> None:
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "event-hub" / "kafka-4.3.1"
    assert cache_folder({}) == Path.home() / ".cache" / "event-hub" / "kafka-4.3.1"
