"""A marker secret in every place a secret can be, and in many where it can't: no output ever says it."""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.registry import Registry
from hub.config.load import ConfigurationError, load
from tests.unit.config.conftest import Load

MARKER = "Xq7-hunter2-Zk9"

PLACES = [
    "secrets: [@]",
    "secrets: @",
    "secrets: {a: @}",
    "secrets: [[@]]",
    "secrets: [{file: x, y: @}]",
    "secrets: [x], tolerance: @",
    "secrets: [x], max_body: @",
    "secrets: [x], metadata: @",
    "secrets: [x], metadata: {a: @}",
    "secrets: [x], nope: @",
]
DESTINATION_PLACES = [
    "type: @",
    "type: store, url: @, port: x",
    "type: store, url: [@]",
    "type: store, url: {a: @}",
    "type: store, url: @, mode: @",
    "type: store, url: u, port: @",
    "type: store, url: u, sync: @",
    "type: store, url: u, tags: @",
    "type: store, url: u, timeout: @",
    "type: store, url: u, batch: @",
    "type: store, url: u, batch: {max_bytes: @}",
    "type: store, url: u, retry: {max_age: @}",
    "type: pager, token: [@]",
    "type: pager, headers: [@]",
    "type: pager, headers: {a: [@]}",
    "type: pager, headers: {a: @}, nope: 1",
    "type: pager, text: '{{ @'",
]
ROUTE_PLACES = [
    "{id: @, to: db}",
    "{id: a, to: @}",
    "{id: a, to: db, when: @}",
    "{id: a, to: db, when: {type: @}}",
    "{id: a, to: db, when: {type: [{prefix: [@]}]}}",
    "{id: a, to: db, when: {source: [@]}}",
    "{id: a, to: db, with: @}",
    "{id: a, to: db, with: {db: @}}",
    "{id: a, to: ring, with: {ring: {room: [@], loud: @}}}",
    "{id: a, to: db, retry: {max_age: @}}",
    "{id: a, to: db, enabled: @}",
    "@",
]
TOP_PLACES = [
    "name: @",
    "log: @",
    "log: {partitions: @}",
    "log: {durability: @}",
    "sources: @",
    "status: @",
    "status: {url: @}",
    "status: {url: [@]}",
    "status: {url: {file: @}}",
    "tests: [@]",
    "defaults: @",
]
BASE = "version: 1\ndestinations:\n  db: {type: store, url: u}\n  ring: {type: pager, room: r}\n"


def texts() -> Iterator[str]:
    for place in PLACES:
        yield f"version: 1\nsources:\n  door: {{type: bell, {place}}}\n"
    for place in DESTINATION_PLACES:
        yield f"version: 1\ndestinations:\n  db: {{{place}}}\n"
    for place in ROUTE_PLACES:
        yield f"{BASE}routes:\n  - {place}\n"
    for place in TOP_PLACES:
        yield f"version: 1\n{place}\n"


@pytest.mark.parametrize("value", [MARKER, f"whole {MARKER}", f"part {MARKER * 3}", f"postgresql://u:{MARKER}@h/d"])
@pytest.mark.parametrize("text", list(texts()))
def test_the_value_of_a_variable_is_in_no_output(load_text: Load, text: str, value: str) -> None:
    shown = "" if "'{{ @'" in text else '"'
    assert MARKER not in everything_said(load_text, text.replace("@", f"{shown}${{SECRET}}{shown}"), {"SECRET": value})


@pytest.mark.parametrize(
    "value", [MARKER, f"whole {MARKER}", f"part {MARKER * 3}", f"${{{MARKER}", f"${{{MARKER}}}", f"a$${MARKER}"]
)
@pytest.mark.parametrize("place", PLACES[:5])
def test_a_secret_that_is_written_in_the_file_is_in_no_output(load_text: Load, place: str, value: str) -> None:
    text = f"version: 1\nsources:\n  door: {{type: bell, {place}, tolerance: 3}}\n"
    text += "destinations:\n  db: {type: store, url: @, port: x}\n"
    assert MARKER not in everything_said(load_text, text.replace("@", f'"{value}"'), {})


@pytest.mark.parametrize("start", ["!", "*", "&", "@", "`", "%", "|", ">", "{", "[", "? ", "- ", "'", '"', "\t", "\\x"])
def test_a_secret_that_yaml_takes_for_syntax_is_in_no_output(load_text: Load, start: str) -> None:
    text = f"version: 1\ndestinations:\n  db:\n    type: store\n    url: {start}{MARKER}\n    port: x\n"
    assert MARKER not in everything_said(load_text, text, {})


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(before=st.text(max_size=8), after=st.text(max_size=8), text=st.sampled_from(list(texts())))
def test_no_value_around_it_brings_it_out(
    tmp_path: Path, registry: Registry, before: str, after: str, text: str
) -> None:
    path = tmp_path / "hub.yaml"
    path.write_text(text.replace("@", '"${SECRET}"').replace("'{{ \"${SECRET}\"'", "'{{ ${SECRET}'"))
    said = said_by(lambda: load(path, {"SECRET": f"{before}{MARKER}{after}"}, registry=registry))
    assert MARKER not in said


def everything_said(load_text: Load, text: str, environ: dict[str, str]) -> str:
    return said_by(lambda: load_text(text, environ))


def said_by(loading: Callable[[], object]) -> str:
    """What a person or a log could see of a load that fails: message, repr, problems, traceback, causes."""
    try:
        loading()
    except ConfigurationError as error:
        return f"{error} {error!r} {error.problems!r} {error.__cause__!r} {''.join(traceback.format_exception(error))}"
    return ""
