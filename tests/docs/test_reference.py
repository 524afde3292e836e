"""Everything people can write or set has a description, from which the reference is made."""

import click
import pytest

from connectors.registry import Kind, Registry
from hub.cli.check import command as check
from hub.cli.init import command as init
from hub.cli.reference import render_commands
from hub.config.options import options, options_of
from hub.config.reference import render_reference
from hub.config.settings import SETTINGS
from hub.config.written import WrittenEvent, WrittenFile, WrittenRoute, WrittenTest


@pytest.mark.parametrize("model", [WrittenFile, WrittenRoute, WrittenTest, WrittenEvent])
def test_every_key_of_the_file_is_described(model: type[WrittenFile]) -> None:
    assert [each.name for each in options(model) if not each.description.endswith(".")] == []


def test_every_option_of_every_built_in_connector_is_described() -> None:
    registry = Registry.installed()
    found = [
        (each.name, option.name)
        for kind in Kind
        for each in registry.registrations(kind)
        if each.builtin
        for group_of_options in options_of(kind, each.load()).values()
        for option in group_of_options
        if not option.description.endswith((".", "…"))
    ]
    assert found == []


def test_the_reference_names_every_option_and_setting() -> None:
    reference = render_reference()
    assert list(reference) == ["hub.yaml", "sources", "destinations", "settings"]
    assert "| `retry.max_attempts` | whole number | `8` |" in reference["hub.yaml"]
    assert "| `log.partitions` |" not in reference["hub.yaml"]
    assert "#### `slack`" in reference["destinations"]
    assert "| `secrets` | list of secrets | required |" in reference["sources"]
    assert all(f"| `{each.variable}` |" in reference["settings"] for each in SETTINGS)


def test_a_table_stays_a_table() -> None:
    for text in render_reference().values():
        for table in (block for block in text.split("\n\n") if block.startswith("| ")):
            columns = {line.replace("\\|", "").count("|") for line in table.splitlines()}
            assert len(columns) == 1


def test_a_command_is_in_the_reference_with_its_help() -> None:
    group = click.Group("hub", commands={"check": check, "more": click.Group("more", commands={"init": init})})
    commands = render_commands(group)
    for name in ("hub check", "hub more", "hub more init"):
        assert f"#### `{name}`\n\n```text\nUsage: {name} " in commands
    assert "  --connect " in commands
