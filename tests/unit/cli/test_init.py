"""``hub init``: what it writes is right, private, and never over something else."""

import json
import logging
import os
import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from connectors.api import Context, OutgoingHttp, SampleSender
from hub.cli import group
from hub.cli.init import BEGINNINGS
from hub.config.composing import parse
from hub.config.load import load
from hub.log.news import news_event
from schemas.document import Document
from schemas.news import Happening, NewsItem, NewsType, Severity

SENDERS = list(BEGINNINGS)
NOW = datetime(2026, 2, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "SLACK_WEBHOOK_URL", *(each.variable for each in BEGINNINGS.values())):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, arguments)


@pytest.mark.parametrize("sender", SENDERS)
def test_what_it_writes_passes_its_own_check(sender: str) -> None:
    assert run("init", sender).exit_code == 0
    for arguments in (["check", "--connect"], ["check", "--no-env"]):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        assert "3 of 3 tests passed" in result.output
    assert Path(".hub/events.db").exists()


@pytest.mark.parametrize("sender", SENDERS)
def test_slack_needs_only_its_url_and_three_lines(sender: str) -> None:
    run("init", sender)
    config = Path("hub.yaml")
    config.write_text(
        re.sub(r"^  # (alerts:|  type: slack|  webhook_url:)", r"  \1", config.read_text(), flags=re.MULTILINE)
    )
    with Path(".env").open("a") as stream:
        stream.write("SLACK_WEBHOOK_URL=https://hooks.slack.com/services/T0/B0/x\n")
    assert set(load(config, {}).destinations) == {"warehouse", "terminal", "alerts"}


@pytest.mark.parametrize("sender", SENDERS)
def test_the_hubs_own_news_reach_the_terminal_and_slack_for_two_words_and_a_line(sender: str) -> None:
    run("init", sender)
    config = Path("hub.yaml")
    text = re.sub(r"^(  )# (alerts:|  type: slack|  webhook_url:)", r"\1\2", config.read_text(), flags=re.MULTILINE)
    head, mark, news = text.partition("- id: hub-news")
    news = news.replace("# alerts:", "alerts:").replace("to: [terminal]", "to: [terminal, alerts]")
    config.write_text(head + mark + news)
    item = NewsItem(NewsType.DESTINATION_DOWN, Severity.WARNING, "warehouse", 1, "It is down.", *[Happening(NOW)] * 2)
    document = Document(news_event(item, "1", NOW))
    configuration = load(config, {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x"})
    (route,) = [route for route in configuration.routes if route.when and route.when.matches(document)]
    shown = {each.destination: each.options.text.render(document) for each in route.to}  # type: ignore[attr-defined]  # both have it
    assert shown == {
        "terminal": "destination.down: It is down.",
        "alerts": "*destination.down*: It is down.",
    }


@pytest.mark.parametrize("sender", SENDERS)
def test_the_secret_is_new_each_time_and_for_its_owner_alone(sender: str) -> None:
    found = set()
    for name in ("a", "b"):
        Path(name).mkdir()
        os.chdir(name)
        output = run("init", sender).output
        mode = stat.S_IMODE(Path(".env").stat().st_mode)
        secret = re.search(rf"^{BEGINNINGS[sender].variable}=(.+)$", Path(".env").read_text(), flags=re.MULTILINE)
        assert mode == 0o600
        assert secret is not None
        assert secret[1] not in output
        found.add(secret[1])
        os.chdir("..")
    assert len(found) == 2


@pytest.mark.parametrize("sender", SENDERS)
def test_the_sample_it_suggests_is_one_and_reaches_the_terminal(sender: str) -> None:
    result = run("init", sender)
    beginning = BEGINNINGS[sender]
    assert f"hub send {beginning.source} --sample {beginning.sample}\n" in result.output
    configuration = load(Path("hub.yaml"), {})
    entry = configuration.sources[beginning.source]
    context = Context(entry.name, Path(".hub"), logging.getLogger("hub"), OutgoingHttp())
    source = entry.connector(entry.config, context)
    assert isinstance(source, SampleSender)
    assert beginning.sample in source.sample_types()
    now = datetime.now(UTC)
    payload = source.sample(beginning.sample, now)
    metadata = {name: expression.find(payload) for name, expression in entry.config.metadata.items()}
    shown = {"source": entry.name, "type": beginning.sample, "metadata": metadata, "body": payload, "data": payload}
    matching = [route for route in configuration.routes if route.when is None or route.when.matches(shown)]
    assert {target.destination for route in matching for target in route.to} == {"warehouse", "terminal"}


def test_dynamic_gemini_webhooks_need_one_line() -> None:
    run("init", "gemini")
    config = Path("hub.yaml")
    config.write_text(config.read_text().replace("  # gemini-jobs:", "  gemini-jobs:"))
    assert load(config, {}).sources["gemini-jobs"].connector.name == "gemini-dynamic"


def test_a_source_that_cannot_play_its_sender_says_what_to_do_instead() -> None:
    Path("hub.yaml").write_text("version: 1\nsources: {gemini-jobs: {type: gemini-dynamic}}\n")
    result = run("send", "gemini-jobs", "--sample", "batch.succeeded")
    assert result.exit_code == 2
    assert "cannot play their sender: only the sender has the private key" in result.stderr
    assert "hub emulate gemini" in result.stderr


def test_gemini_is_what_it_begins_with() -> None:
    result = run("init")
    assert "type: gemini" in Path("hub.yaml").read_text()
    assert "hub up" in result.output
    assert "hub send gemini --sample batch.failed" in result.output


@pytest.mark.parametrize("sender", SENDERS)
def test_editors_find_the_schema_and_nothing_wrong(sender: str) -> None:
    run("init", sender)
    first = Path("hub.yaml").read_text().splitlines()[0]
    name = first.removeprefix("# yaml-language-server: $schema=")
    schema = json.loads(Path(name).read_text())
    assert schema == json.loads(run("schema").stdout)
    plain = parse(Path("hub.yaml").read_text(), "hub.yaml").plain()
    assert [error.message for error in Draft202012Validator(schema).iter_errors(plain)] == []


def test_a_schema_that_is_there_stays(tmp_path: Path) -> None:
    Path("hub.schema.json").write_text("{}")
    assert run("init").exit_code == 0
    assert Path("hub.schema.json").read_text() == "{}"


@pytest.mark.parametrize("existing", ["hub.yaml", ".env"])
def test_nothing_is_overwritten(existing: str) -> None:
    Path(existing).write_text("mine")
    result = run("init")
    assert result.exit_code == 2
    assert result.stderr == f"hub: {existing} already there; `hub init` overwrites nothing, so try an empty folder\n"
    assert Path(existing).read_text() == "mine"
    assert sorted(path.name for path in Path().iterdir()) == [existing]


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    Path(".env").symlink_to(tmp_path / "elsewhere")
    assert run("init").exit_code == 2
    assert not Path("elsewhere").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ".env\n.hub/\n"),
        ("node_modules", "node_modules\n.env\n.hub/\n"),
        (".env\n*.log\n", ".env\n*.log\n.hub/\n"),
        (".hub/\n.env\n", ".hub/\n.env\n"),
    ],
)
def test_gitignore_keeps_what_it_says_and_gains_what_is_missing(before: str | None, after: str) -> None:
    if before is not None:
        Path(".gitignore").write_text(before)
    run("init")
    assert Path(".gitignore").read_text() == after


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".gitignore").mkdir()
    result = run("init")
    assert result.exit_code == 2
    assert "Is a directory" in result.stderr


def test_an_unknown_sender_is_wrong_usage() -> None:
    result = run("init", "gitlab")
    assert result.exit_code == 2
    assert "'gemini', 'github', 'standard_webhooks'" in result.stderr
