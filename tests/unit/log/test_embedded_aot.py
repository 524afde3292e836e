"""The ahead-of-time cache: used when there is one, rejected without harm to those who use it."""

import os
import threading
import time
from pathlib import Path

import pytest

from hub.log.embedded.aot import AotCache
from hub.log.embedded.java import Java
from hub.log.embedded.kafka import Kafka


@pytest.fixture
def cache(tmp_path: Path) -> AotCache:
    return AotCache(Kafka(Java(tmp_path / "java", 25), (tmp_path / "kafka.jar",)), tmp_path)


def test_without_a_cache_java_starts_as_usual(cache: AotCache) -> None:
    assert cache.flags() == []
    assert cache.wanted


def test_a_cache_is_used(cache: AotCache) -> None:
    cache.file.write_bytes(b"cache")

    assert f"-XX:AOTCache={cache.file}" in cache.flags()
    assert not cache.wanted


def test_a_rejected_cache_is_neither_used_nor_made_again(cache: AotCache) -> None:
    cache.file.write_bytes(b"cache")

    cache.reject()

    assert cache.flags() == []
    assert not cache.wanted


def test_a_cache_that_a_running_kafka_has_mapped_is_not_truncated(cache: AotCache) -> None:
    cache.file.write_bytes(b"cache")
    with cache.file.open("rb") as mapped:
        cache.reject()

        assert mapped.read() == b"cache"


def test_another_java_or_jar_gets_another_cache(cache: AotCache, tmp_path: Path) -> None:
    newer = AotCache(Kafka(Java(tmp_path / "java", 26), (tmp_path / "kafka.jar",)), tmp_path)
    other = AotCache(Kafka(Java(tmp_path / "java", 25), (tmp_path / "kafka-5.jar",)), tmp_path)

    assert len({cache.file, newer.file, other.file}) == 3


def test_a_java_that_cannot_write_one_is_not_asked_to(tmp_path: Path) -> None:
    assert not AotCache(Kafka(Java(tmp_path / "java", 17), ()), tmp_path).wanted


def test_a_new_cache_takes_the_place_of_those_that_nobody_made_for_a_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = AotCache(Kafka(Java(tmp_path / "java", 25), ()), tmp_path)

    def trained(root: Path, _cancelled: threading.Event) -> Path:
        (root / "new").write_bytes(b"new")
        return root / "new"

    monkeypatch.setattr(cache, "_train_in", trained)
    month_ago = time.time() - 31 * 86_400
    for name, content, made in (("old", b"old", month_ago), ("rejected", b"", month_ago), ("young", b"young", None)):
        (tmp_path / f"{name}.aot").write_bytes(content)
        if made is not None:
            os.utime(tmp_path / f"{name}.aot", (made, made))

    assert cache.train(threading.Event())

    assert {path.name for path in tmp_path.glob("*.aot")} == {cache.file.name, "rejected.aot", "young.aot"}
