"""Lines on a terminal that an event cannot take over."""

import io
import sys
from pathlib import Path

import pytest

from connectors.api import DestinationDownError, Template
from connectors.destinations.console import ConsoleConfig, ConsoleDestination, ConsoleOptions, printable
from connectors.testing import context, delivery


async def test_one_line_per_delivery(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = ConsoleDestination(ConsoleConfig(), context(tmp_path))
    await console.open()
    await console.deliver_one(delivery(ConsoleOptions(), metadata={"who": "<me>"}))
    await console.deliver_one(delivery(ConsoleOptions(text=Template("{{ data.amount }} EUR"))))
    await console.close()
    assert capsys.readouterr().out.splitlines() == [
        'target everything: gemini batch.succeeded evt-1 batches/1 {"who":"<me>"}',
        "target everything: 1 EUR",
    ]


async def test_an_event_cannot_send_control_sequences_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = ConsoleDestination(ConsoleConfig(), context(tmp_path))
    evil = "a\x1b[2Jb\r\nc\u202ed\x9b0m\x00\u2028"
    await console.deliver_one(delivery(ConsoleOptions(text=Template("{{ subject }}")), subject=evil))
    assert capsys.readouterr().out == "target everything: a\\x1b[2Jb\\r\\nc\\u202ed\\x9b0m\\x00\\u2028\n"


async def test_a_terminal_that_cannot_show_a_character_does_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    console = ConsoleDestination(ConsoleConfig(), context(tmp_path))
    await console.deliver_one(delivery(ConsoleOptions(text=Template("{{ subject }}")), subject="caf\u00e9 \ud800"))
    assert written.getvalue() == b"target everything: caf\\xe9 \\ud800\n"


async def test_a_closed_output_means_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    console = ConsoleDestination(ConsoleConfig(), context(tmp_path))
    with pytest.raises(DestinationDownError):
        await console.deliver_one(delivery(ConsoleOptions()))


def test_a_line_is_at_most_2000_characters() -> None:
    line = printable("x" * 5_000)
    assert len(line) == 2_000
    assert line.endswith("…")
