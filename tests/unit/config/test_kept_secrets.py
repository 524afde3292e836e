"""A source without ``secrets`` verifies with those that are kept for it, as they are now."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from hub.config.kept_secrets import KeptSecretError, KeptSecrets
from hub.config.load import ConfigurationError, load
from hub.config.model import SourceEntry
from hub.config.secret_watch import SecretWatch
from tests.fixtures.webhooks import OTHER_SECRET, SECRET

NOW = datetime.now(UTC)
GEMINI = "version: 1\nsources:\n  gemini: {type: gemini}\n"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeptSecrets:
    monkeypatch.chdir(tmp_path)
    return KeptSecrets(Path("home"), "gemini")


@pytest.fixture
def source() -> Callable[..., SourceEntry]:
    def loaded(text: str = GEMINI, **environ: str) -> SourceEntry:
        Path("hub.yaml").write_text(text)
        return load(Path("hub.yaml"), {"HUB_HOME": "home", **environ}).sources["gemini"]

    return loaded


def secrets_of(config: Any) -> list[str]:
    return [secret.get_secret_value() for secret in config.secrets]


def changed(watch: SecretWatch[Any]) -> list[str] | None:
    """The secrets after two more looks; None where nothing changed."""
    found = [change for _ in range(3) if (change := watch.look()) is not None]
    return secrets_of(found[0].config) if found else None


def test_secrets_come_go_and_expire_while_the_source_runs(
    kept: KeptSecrets, source: Callable[..., SourceEntry]
) -> None:
    entry = source()
    assert secrets_of(entry.config) == []
    assert entry.file_secrets is not None
    watch = SecretWatch(entry.file_secrets, {"source": "gemini"})
    assert changed(watch) is None
    first = kept.keep("webhook", SecretStr(SECRET), NOW)
    assert changed(watch) == [SECRET]
    kept.keep("webhook", SecretStr(OTHER_SECRET), NOW + timedelta(seconds=1))
    assert changed(watch) == [SECRET, OTHER_SECRET]
    kept.expire([first], NOW + timedelta(hours=1))
    assert changed(watch) is None
    kept.expire([first], NOW - timedelta(hours=1))
    assert changed(watch) == [OTHER_SECRET]
    kept.forget(kept.all())
    assert changed(watch) == []
    assert secrets_of(source().config) == []


def test_what_is_half_written_or_broken_leaves_the_secrets_in_use(
    kept: KeptSecrets, source: Callable[..., SourceEntry], caplog: pytest.LogCaptureFixture
) -> None:
    one = kept.keep("webhook", SecretStr(SECRET), NOW)
    entry = source()
    assert entry.file_secrets is not None
    watch = SecretWatch(entry.file_secrets, {"source": "gemini"})
    kept.folder.joinpath(".half.json.tmp").write_text(one.path.read_text()[:30])
    assert changed(watch) is None
    assert caplog.records == []
    broken = kept.folder / "broken.json"
    broken.write_text('{"secret": "%s"}' % OTHER_SECRET)  # noqa: UP031  (braces)
    assert changed(watch) is None
    [complaint] = [str(vars(record)["error"]) for record in caplog.records if record.levelno == logging.ERROR]
    assert "broken.json is not a secret as the hub keeps it" in complaint
    with pytest.raises(KeptSecretError) as raised:
        kept.all()
    with pytest.raises(ConfigurationError) as refused:
        source()
    assert OTHER_SECRET not in f"{complaint}{raised.value}{refused.value}"


def test_an_earlier_end_of_a_secret_is_not_put_off(kept: KeptSecrets) -> None:
    one = kept.keep("webhook", SecretStr(SECRET), NOW)
    soon = NOW + timedelta(hours=1)
    kept.expire([one], soon)
    kept.expire(kept.all(), NOW + timedelta(hours=24))
    assert [each.expires for each in kept.all()] == [soon]
    assert SECRET not in repr(kept.all())


def test_two_commands_at_once_are_refused(kept: KeptSecrets) -> None:
    with kept.alone():
        with (
            pytest.raises(KeptSecretError, match="another command is at work"),
            KeptSecrets(Path("home"), "gemini").alone(),
        ):
            raise AssertionError
        with KeptSecrets(Path("home"), "other").alone():
            kept.keep("webhook", SecretStr(SECRET), NOW)
    with kept.alone():
        assert len(kept.all()) == 1


def test_written_secrets_win_and_an_entry_that_is_only_looked_at_needs_none(
    kept: KeptSecrets, source: Callable[..., SourceEntry]
) -> None:
    kept.keep("webhook", SecretStr(SECRET), NOW)
    entry = source(GEMINI.replace("gemini}", f"gemini, secrets: [{OTHER_SECRET}]}}"))
    assert (secrets_of(entry.config), entry.file_secrets) == ([OTHER_SECRET], None)
    Path("hub.yaml").write_text(GEMINI)
    assert secrets_of(load(Path("hub.yaml"), {}, expand=False).sources["gemini"].config) == []


@pytest.mark.usefixtures("kept")
def test_the_api_key_is_that_of_the_environment_unless_one_is_written(source: Callable[..., SourceEntry]) -> None:
    def key(text: str, **environ: str) -> str | None:
        config: Any = source(text, **environ).config
        found: SecretStr | None = config.api_key
        return found.get_secret_value() if found else None

    assert key(GEMINI) is None
    assert key(GEMINI, GEMINI_API_KEY="of-the-environment") == "of-the-environment"
    assert key(GEMINI.replace("gemini}", "gemini, api_key: mine}"), GEMINI_API_KEY="of-the-environment") == "mine"


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "url", ["http://hub.example.com", "hub.example.com", "https://h?x=1", "ftp://h", "https://a@h"]
)
def test_a_public_url_must_be_https(url: str, source: Callable[..., SourceEntry]) -> None:
    with pytest.raises(ConfigurationError, match=r"public_url"):
        source(GEMINI.replace("gemini}", f'gemini, public_url: "{url}"}}'))
