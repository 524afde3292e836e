"""``hub emulate`` runs what connectors bring, and says whom to blame for one that is broken."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest
from click.testing import CliRunner

from hub.cli import emulate
from hub.cli.emulate import GROUP, command


def run(monkeypatch: pytest.MonkeyPatch, *found: EntryPoint) -> str:
    monkeypatch.setattr(emulate, "entry_points", EntryPoints(found).select)
    return CliRunner().invoke(command, ["it"]).output


def test_the_gemini_api_comes_with_the_hub() -> None:
    shown = CliRunner().invoke(command, ["gemini", "--help"])
    assert shown.exit_code == 0
    assert "--dynamic-signature" in shown.output


def test_an_emulator_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such command" in run(monkeypatch)
    missing = EntryPoint("it", "no_such_module:command", GROUP)
    assert "the emulator 'it' cannot be imported: No module named" in run(monkeypatch, missing)
    other = EntryPoint("it", "json:dumps", GROUP)
    assert "json:dumps is no click.Command" in run(monkeypatch, other)
    assert "uninstall all but one" in run(monkeypatch, missing, other)
