"""Whatever a tool does to a secret's file: the new secret counts when it is whole, and the old one until then."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.config.secret_watch import SecretWatch
from tests.unit.config.conftest import Load, StoreConfig

DOOR = "version: 1\nsources:\n  door: {type: bell, secrets: [{file: first}, {file: second}]}\n"
DB = "version: 1\ndestinations:\n  db: {type: store, url: {file: url}}\n"


def secrets_of(config: Any) -> list[str]:
    return [secret.get_secret_value() for secret in config.secrets]


@pytest.fixture
def door(load_text: Load) -> Callable[[], SecretWatch[Any]]:
    def watch() -> SecretWatch[Any]:
        entry = load_text(DOOR).sources["door"]
        assert entry.file_secrets is not None
        return SecretWatch(entry.file_secrets, {"source": "door"})

    Path("first").write_text("old-secret\n")
    Path("second").write_text("other-secret\n")
    return watch


@pytest.fixture
def db(load_text: Load) -> SecretWatch[Any]:
    Path("url").write_text("db://old-password@host")
    entry = load_text(DB).destinations["db"]
    assert entry.file_secrets is not None
    return SecretWatch(entry.file_secrets, {"destination": "db"})


def change_after(watch: SecretWatch[Any], looks: int = 3) -> Any:
    """The options after so many looks; None where nothing changed. It changes at most once."""
    found = [change for _ in range(looks) if (change := watch.look()) is not None]
    assert len(found) <= 1
    return found[0].config if found else None


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(vars(record)["error"]) for record in caplog.records if record.levelno == logging.ERROR]


def test_nothing_changes_while_the_files_do_not(door: Callable[[], SecretWatch[Any]]) -> None:
    watch = door()
    os.utime("first")
    assert change_after(watch) is None


def test_a_file_replaced_by_rename(door: Callable[[], SecretWatch[Any]]) -> None:
    watch = door()
    Path("beside").write_text("new-secret\n")
    Path("beside").replace("first")
    assert secrets_of(change_after(watch)) == ["new-secret", "other-secret"]


def test_a_file_written_in_place(db: SecretWatch[Any]) -> None:
    Path("url").write_text("db://new-password@host")
    config = change_after(db)
    assert isinstance(config, StoreConfig)
    assert config.url.get_secret_value() == "db://new-password@host"


def test_a_volume_swapped_as_kubernetes_does_it(load_text: Load) -> None:
    """``first`` → ``..data/first``, ``..data`` → a folder with a time in its name; only ``..data`` is replaced."""
    for folder, first, second in (("..1", "old-secret", "old-other"), ("..2", "new-secret", "new-other")):
        Path(folder).mkdir()
        Path(folder, "first").write_text(first)
        Path(folder, "second").write_text(second)
    Path("..data").symlink_to("..1")
    for name in ("first", "second"):
        Path(name).symlink_to(f"..data/{name}")
    secrets = load_text(DOOR).sources["door"].file_secrets
    assert secrets is not None
    watch = SecretWatch(secrets, {"source": "door"})

    assert change_after(watch) is None
    Path("..data_tmp").symlink_to("..2")
    Path("..data_tmp").replace("..data")
    assert secrets_of(change_after(watch)) == ["new-secret", "new-other"]


def test_a_look_into_the_middle_of_a_write_counts_for_nothing(door: Callable[[], SecretWatch[Any]]) -> None:
    watch = door()
    for part in ("new", "new-sec"):
        Path("first").write_text(part)
        assert watch.look() is None
    Path("first").write_text("new-secret\n")
    assert secrets_of(change_after(watch)) == ["new-secret", "other-secret"]


def test_a_file_that_is_emptied_or_gone_leaves_its_secret_in_use(
    door: Callable[[], SecretWatch[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    watch = door()
    Path("first").write_text("")
    Path("second").write_text("new-other\n")
    assert secrets_of(change_after(watch)) == ["old-secret", "new-other"]
    Path("first").unlink()
    assert change_after(watch) is None
    Path("first").write_text("new-secret\n")
    assert secrets_of(change_after(watch)) == ["new-secret", "new-other"]
    assert complaints(caplog) == ["first is empty", "first cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_bytes(b"\xffsecret"), "is not UTF-8 text"),
        (lambda path: path.write_bytes(b"x" * 70_000), "is larger than 64 kB"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
    ],
)
def test_a_file_that_holds_no_secret_leaves_the_old_one_in_use_and_is_told_of_once(
    db: SecretWatch[Any], caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], object], reason: str
) -> None:
    spoil(Path("url"))
    assert change_after(db, looks=5) is None
    assert complaints(caplog) == [f"url {reason}"]


def test_options_that_do_not_validate_leave_the_old_ones_in_use(
    db: SecretWatch[Any], caplog: pytest.LogCaptureFixture
) -> None:
    secret = "part of it: a-password-nobody-may-read"
    Path("url").write_text(secret)
    assert change_after(db, looks=5) is None
    (complaint,) = complaints(caplog)
    assert complaint.startswith("hub.yaml:3: `url`")
    assert all(secret[at : at + 12] not in complaint for at in range(len(secret) - 12))
    Path("url").write_text("db://new-password@host")
    assert change_after(db).url.get_secret_value() == "db://new-password@host"


def test_a_model_that_raises_what_it_should_not_tells_no_secret(
    db: SecretWatch[Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(*_: object, **__: object) -> None:
        raise RuntimeError("db://new-password@host")

    Path("url").write_text("db://new-password@host")
    monkeypatch.setattr(StoreConfig, "model_validate", careless)
    assert change_after(db) is None
    assert complaints(caplog) == ["url: RuntimeError"]


def test_what_was_taken_back_before_it_counted_is_no_change(db: SecretWatch[Any]) -> None:
    Path("url").write_text("db://new-password@host")
    assert db.look() is None
    Path("url").write_text("db://old-password@host")
    assert change_after(db) is None


def test_a_second_secret_may_come_later(load_text: Load) -> None:
    """An empty one in a list is skipped when the hub starts; from then on it may be filled."""
    Path("first").write_text("old-secret")
    Path("second").write_text("")
    entry = load_text(DOOR).sources["door"]
    assert entry.file_secrets is not None
    assert secrets_of(entry.config) == ["old-secret"]
    watch = SecretWatch(entry.file_secrets, {"source": "door"})
    assert change_after(watch) is None
    Path("second").write_text("new-secret")
    assert secrets_of(change_after(watch)) == ["old-secret", "new-secret"]


def test_without_files_there_is_nothing_to_watch(load_text: Load) -> None:
    found = load_text("version: 1\nsources:\n  door: {type: bell, secrets: [written]}\n")
    assert found.sources["door"].file_secrets is None


def test_neither_the_configuration_nor_a_change_shows_a_secret(
    load_text: Load, door: Callable[[], SecretWatch[Any]]
) -> None:
    watch = door()
    assert "old-secret" not in repr(load_text(DOOR))
    assert "old-secret" not in repr(load_text(DOOR).sources["door"].file_secrets)
    Path("first").write_text("new-secret")
    watch.look()
    assert "new-secret" not in repr(watch.look())
