"""What the documentation says is what the code does."""

import configparser
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hub.cli import COMMANDS, group
from hub.cli.up_parts import DRAIN_SECONDS
from hub.notify import STALE
from hub.supervisor import CONFIGURATION_ERROR
from tests.docs import generate

README = generate.README.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_generated_reference_is_fresh() -> None:
    assert generate.render(README) == README, "run `make docs`"


def test_the_stored_schema_of_hub_yaml_is_fresh() -> None:
    assert generate.SCHEMA.read_text() == generate.schema(), "run `make docs`"


@pytest.mark.parametrize("number", range(len(blocks("yaml"))))
def test_every_yaml_example_is_a_valid_configuration(number: int, tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text(blocks("yaml")[number])
    result = CliRunner().invoke(group, ["check", str(tmp_path / "hub.yaml"), "--no-env"])
    assert result.exit_code == 0, result.output


def test_every_command_the_readme_mentions_exists() -> None:
    mentioned = set(re.findall(r"^(?:[A-Z_]+=\S+ )*hub ([a-z]+)\b", "\n".join(blocks("sh")), re.MULTILINE))
    assert mentioned, "the README shows no command at all"
    assert mentioned <= set(COMMANDS), f"no such command: {sorted(mentioned - set(COMMANDS))}"


def test_the_connector_example_is_a_plugin_that_keeps_the_contract(tmp_path: Path) -> None:
    for block in blocks("python"):
        if name := re.match(r"# (\w+\.py)\n", block):
            (tmp_path / name[1]).write_text(block)
    entry_points = next(block for block in blocks("toml") if "hub.destinations" in block)
    installed = tmp_path / "hub_lines-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: hub-lines\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(
        entry_points.replace('project.entry-points."hub.destinations"', "hub.destinations").replace('"', "")
    )
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}

    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "asyncio_mode=auto",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        "--rootdir",
        str(tmp_path),
    ]
    suite = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path / "test_hub_lines.py")],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert suite.returncode == 0, suite.stdout + suite.stderr
    shown = subprocess.run(
        [sys.executable, "-P", "-m", "hub", "connectors", "lines"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "File to append to" in shown.stdout, shown.stdout + shown.stderr


def test_the_python_consumer_example_needs_only_what_it_names() -> None:
    example = next(block for block in blocks("python") if "KafkaConsumer" in block)
    compile(example, "README.md", "exec")
    assert distribution("kafka-python").version.startswith("3.")


def test_the_systemd_unit_waits_for_the_drain_and_for_a_silent_part() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string(next(block for block in blocks("ini") if "[Service]" in block))
    service = unit["Service"]
    parts = 3  # broker, worker, ingress: one after the other
    assert float(service["TimeoutStopSec"]) > parts * DRAIN_SECONDS
    assert float(service["WatchdogSec"]) > 2 * STALE
    assert service["Type"] == "notify"
    assert int(service["RestartPreventExitStatus"]) == CONFIGURATION_ERROR
    words = service["ExecStart"].split()[1:]
    assert group.get_command(click.Context(group), words[0]) is not None
