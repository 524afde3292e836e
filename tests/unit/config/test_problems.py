"""Every class of mistake: its exact line and words."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.registry import Registry
from hub.config.load import ConfigurationError, load
from hub.config.model import Where
from hub.config.problems import Problem
from tests.unit.config.conftest import Load

ProblemsOf = Callable[..., list[str]]

BASE = """\
version: 1
sources:
  door: {type: bell, secrets: [x]}
destinations:
  db: {type: store, url: u}
  ring: {type: pager}
"""
NAME_RULE = "use lower-case letters, digits and hyphens, a letter or digit first, 63 characters at most"
DURATION_RULE = "write a number and a unit, like 500ms, 5s, 5m, 24h or 7d"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "hub.yaml: is empty; expected at least `version: 1`, see `hub init`"),
        ("# nothing\n", "hub.yaml: is empty; expected at least `version: 1`, see `hub init`"),
        ("- a\n", "hub.yaml:1: expected keys and values at the top, beginning with `version: 1`"),
        ("\nhello\n", "hub.yaml:2: expected keys and values at the top, beginning with `version: 1`"),
        ("version: 1\nversion: 1\n", "hub.yaml:2: `version` stands here twice, first in line 1; keep one"),
        (
            "a: !!python/object:os.system x\n",
            "hub.yaml:1: tags are refused; a text that begins with ! must be in quotes",
        ),
        ("a: !secret x\n", "hub.yaml:1: tags are refused; a text that begins with ! must be in quotes"),
        (
            "a: &a [*a]\n",
            "hub.yaml:1: this alias has no anchor before it; a text that begins with * must be in quotes",
        ),
        ("version: 1\n---\nb: 1\n", "hub.yaml:3: a second document begins here (---); expected one per file"),
        (
            "a:\n  text: {{ subject }}\n",
            'hub.yaml:2: a mapping stands where a key is expected; put a template in quotes: "{{ subject }}"',
        ),
        ("? [a]\n: b\n", "hub.yaml:1: a key must be plain text"),
        ("a:\n  1: b\n", "hub.yaml:2: the key 1 is not text; put it in quotes: '1'"),
        ("a: 1\nb:\n  <<: 3\n", "hub.yaml:3: `<<` merges mappings: write `<<: *anchor`"),
        (
            "a:\n\t- b\n",
            (
                "hub.yaml:2: not valid YAML: found character '\\t' that cannot start any token; "
                "YAML is indented with spaces, not tabs"
            ),
        ),
        (
            "a: @b\n",
            (
                "hub.yaml:1: not valid YAML: found character '@' that cannot start any token; "
                "a text that begins with @ must be in quotes"
            ),
        ),
        (
            "a: b: c\n",
            (
                "hub.yaml:1: not valid YAML: mapping values are not allowed here; "
                "a text with `: ` in it must be in quotes, and a list or mapping in [] or {} must be closed"
            ),
        ),
        (
            "a: 'b\nc: d\n",
            (
                "hub.yaml:3: not valid YAML: found unexpected end of stream "
                "(while scanning a quoted scalar that begins in line 1)"
            ),
        ),
        ("a: b\x00\n", "hub.yaml: has characters in it that no text has; is it a YAML file?"),
        ("[" * 60, "hub.yaml:1: nested more than 50 deep"),
        ("[" * 100_000, "hub.yaml:1: nested more than 50 deep"),
        ("a: " + "b" * 1_000_000, "hub.yaml: larger than 1000 kB; split it into a folder of several *.yaml"),
    ],
)
def test_what_is_no_yaml_of_ours(problems_of: ProblemsOf, text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


def test_an_alias_bomb_is_refused_before_it_goes_off(problems_of: ProblemsOf) -> None:
    bomb = "a: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    assert problems_of(bomb) == ["hub.yaml:6: more than 100000 values, aliases counted in full; refused"]


def test_a_deep_chain_of_aliases_is_refused(problems_of: ProblemsOf) -> None:
    chain = "a: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000))
    assert problems_of(chain) == ["hub.yaml:50: nested more than 50 deep, aliases included"]


KEYS = "defaults, destinations, enrichments, log, name, retry, routes, sources, status, tests, version"


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("nmae: x\n", "7: unknown key `nmae`; did you mean `name`?"),
        (
            "zzz: x\n",
            f"7: unknown key `zzz`; expected one of {KEYS}",
        ),
        ("name: Hub_1\n", f"7: `name`: 'Hub_1' is no name; {NAME_RULE}"),
        ("name: 1.10\n", '7: `name`: expected text, but 1.10 is a number; put it in quotes: "1.10"'),
        ("name: true\n", '7: `name`: expected text, but true is true or false; put it in quotes: "true"'),
        ("log:\n  partitions: 0\n", "8: `log.partitions`: must be at least 1, not '0'"),
        ("log: {partitions: 9999}\n", "7: `log.partitions`: must be at most 1024, not '9999'"),
        ("log: {partitions: 1.5}\n", "7: `log.partitions`: expected a whole number, not '1.5'"),
        ("log: {partitions: many}\n", "7: `log.partitions`: expected a whole number, not 'many'"),
        ("log: {partitions: }\n", "7: `log.partitions`: expected a whole number, but there is nothing"),
        (
            "log: {durability: fsnc}\n",
            "7: `log.durability`: expected 'replication' or 'fsync', not 'fsnc'; did you mean `fsync`?",
        ),
        ("log: {retention: 30}\n", f"7: `log.retention`: 30 is not a duration; {DURATION_RULE}"),
        ("log: 3\n", "7: `log`: expected a mapping (key: value), not '3'"),
        (
            "defaults: {retry: {max_atempts: 3}}\n",
            "7: unknown key `defaults.retry.max_atempts`; did you mean `max_attempts`?",
        ),
        ("retry: {delays: []}\n", "7: `retry.delays`: needs at least 1 entry"),
        ("retry: {delays: [5s, 5s]}\n", "7: `retry.delays`: each delay must be longer than the one before it"),
        ("retry: {max_attempts: 3}\n", "7: unknown key `retry.max_attempts`; expected one of delays"),
        ("tests: a\n", '7: `tests`: expected a list; write ["a"]'),
        ("routes: {id: a}\n", "7: `routes`: expected a list, not a mapping"),
    ],
)
def test_mistakes_at_the_top(problems_of: ProblemsOf, rest: str, problem: str) -> None:
    assert problems_of(BASE + rest) == [f"hub.yaml:{problem}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x\n", "hub.yaml: `version` is missing; expected `1`"),
        ("version: 2\n", "hub.yaml:1: `version`: expected 1, not '2'"),
        ("version: '1'\n", "hub.yaml:1: `version`: expected 1, a number; leave the quotes out"),
        ("version: 1\nsources: [door]\n", "hub.yaml:2: `sources`: expected a mapping (key: value), not a list"),
    ],
)
def test_mistakes_of_the_version_and_the_sections(problems_of: ProblemsOf, text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("x_1: {type: store, url: u}", f"'x_1' cannot name a destination; {NAME_RULE}"),
        ("a: {url: u}", "`type` is missing; expected one of broken, pager, store"),
        ("a: {type: 3}", "`type`: expected one of broken, pager, store"),
        ("a: store", "expected {type: …} with the options of a destination; types: broken, pager, store"),
        ("a:", "expected {type: …} with the options of a destination; types: broken, pager, store"),
        (
            "a: {type: stroe}",
            "there is no destination type 'stroe', only broken, pager, store; did you mean store?",
        ),
        (
            "a: {type: broken}",
            (
                "the destination type 'broken' of hub-broken 1.0 cannot be imported: ImportError: "
                "no module named 'broken'; repair or uninstall hub-broken"
            ),
        ),
        ("a: {type: store}", "`url` is missing; expected secret"),
        ("a: {type: store, url: u, tabel: t}", "unknown key `tabel`; did you mean `table`?"),
        ("a: {type: store, url: u, timeuot: 5s}", "unknown key `timeuot`; did you mean `timeout`?"),
        ("a: {type: pager, rom: x}", "unknown key `rom`; did you mean `room`?"),
        ("a: {type: store, url: }", "`url`: expected text, but there is nothing"),
        ("a: {type: store, url: [u]}", "`url`: expected text, not a list"),
        ("a: {type: store, url: {file: x, y: z}}", "`url`: expected text, not a mapping"),
        (
            "a: {type: store, url: {file: nowhere.txt}}",
            "the secret's file nowhere.txt cannot be read: No such file or directory",
        ),
        ("a: {type: store, url: u, port: 99999}", "`port`: must be at most 65535, not '99999'"),
        ("a: {type: store, url: u, mode: fats}", "`mode`: expected 'fast' or 'safe', not 'fats'; did you mean `fast`?"),
        ("a: {type: store, url: u, tags: a}", '`tags`: expected a list; write ["a"]'),
        (
            "a: {type: store, url: u, tags: [a, 1.10]}",
            '`tags[1]`: expected text, but 1.10 is a number; put it in quotes: "1.10"',
        ),
        ("a: {type: store, url: u, sync: maybe}", "`sync`: expected true or false, not 'maybe'"),
        ("a: {type: store, url: u, timeout: 30}", f"`timeout`: 30 is not a duration; {DURATION_RULE}"),
        (
            "a: {type: store, url: u, retry: {max_age: soon}}",
            f"`retry.max_age`: 'soon' is not a duration; {DURATION_RULE}",
        ),
        (
            "a: {type: store, url: u, batch: {max_bytes: 1mb}}",
            "`batch.max_bytes`: '1mb' is not a size; write a number and a unit, like 512B, 64kB or 1MB",
        ),
        (
            "a: {type: store, url: u, batch: {max_wait: 5s}}",
            "`batch.max_wait` is for connectors that collect; store takes what has come at once",
        ),
        ("a: {type: pager, room: [x]}", "`room`: expected text, not a list"),
        (
            "a: {type: pager, text: '{{ x'}",
            "`text`: not a template: unexpected end of template, expected 'end of print statement'.",
        ),
    ],
)
def test_mistakes_in_a_destination(problems_of: ProblemsOf, entry: str, problem: str) -> None:
    assert problems_of(f"version: 1\ndestinations:\n\n  {entry}\n") == [f"hub.yaml:4: {problem}"]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("Door: {type: bell, secrets: [x]}", f"'Door' cannot name a source; {NAME_RULE}"),
        (
            "hub: {type: bell, secrets: [x]}",
            "`hub` is where the hub's own news come from, and needs no entry; give this source another name",
        ),
        ("a: {type: ball}", "there is no source type 'ball', only bell; did you mean bell?"),
        ("a: {type: bell}", "`secrets` is missing; expected list of secrets"),
        ("a: {type: bell, secrets: x}", '`secrets`: expected a list; write ["(secret)"]'),
        (
            "a: {type: bell, secrets: ['', '${NEXT:-}']}",
            "`secrets`: needs at least 1 entry; every one that is given is empty",
        ),
        ("a: {type: bell, secrets: []}", "`secrets`: needs at least 1 entry"),
        ("a: {type: bell, secrets: [x], tolerance: 300}", f"`tolerance`: 300 is not a duration; {DURATION_RULE}"),
    ],
)
def test_mistakes_in_a_source(problems_of: ProblemsOf, entry: str, problem: str) -> None:
    assert problems_of(f"version: 1\nsources:\n  {entry}\n") == [f"hub.yaml:3: {problem}"]


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ("nope", "8: expected a mapping (key: value), not 'nope'"),
        ("{to: db}", "8: `id` is missing; expected text"),
        ("{id: A, to: db}", f"8: `id`: 'A' is no name; {NAME_RULE}"),
        ("{id: a}", "8: `to` is missing; expected text or list of text"),
        ("{id: a, to: []}", "8: `to`: needs at least 1 entry"),
        ("{id: a, to: {db: x}}", "8: `to`: expected a list, not a mapping"),
        ("{id: a, to: dbs}", "8: there is no destination `dbs`; did you mean `db`?"),
        ("id: a\n    to:\n      - db\n      - zzz", "11: there is no destination `zzz`; there is db, ring"),
        (
            "{id: a, to: db, order: strickt}",
            "8: `order`: expected 'subject' or 'strict', not 'strickt'; did you mean `strict`?",
        ),
        (
            "{id: a, to: db, priority: urgent}",
            "8: `priority`: 'urgent' is no priority; expected high, normal, low, or a template of one of them",
        ),
        (
            "{id: a, to: db, priority: replay}",
            "8: `priority`: 'replay' is no priority; expected high, normal, low, or a template of one of them",
        ),
        ("{id: a, to: [db, db]}", "8: `to` names a destination twice; keep one"),
        ("id: a\n    to: db\n    wen: {}", "10: unknown key `wen`; did you mean `when`?"),
        ("id: a\n    to: db\n    when:", "10: `when` is empty; leave it out to match every event"),
        ("id: a\n    to: db\n    when: {type: x}", "10: `when.type`: expected a list of values; write [x]"),
        (
            "id: a\n    to: db\n    when:\n      type:\n        - ok\n        - {prefx: a}",
            "13: `when.type[1].prefx`: `prefx` is no operator; did you mean `prefix`?",
        ),
        ("id: a\n    to: db\n    when:\n      tpye: [x]", "11: `when.tpye`: no such field; did you mean `type`?"),
        ("id: a\n    to: ring", "9: `room` is missing; expected text"),
        (
            "id: a\n    to: ring\n    with:\n      ring:\n        room: r\n        rom: 3",
            "13: unknown key `rom`; did you mean `room`?",
        ),
        (
            "id: a\n    to: ring\n    with:\n      ring: {room: 3}",
            '11: `room`: expected text, but 3 is a number; put it in quotes: "3"',
        ),
        ("id: a\n    to: db\n    with:\n      db: {room: r}", "11: unknown key `room`; nothing can be set here"),
        ("id: a\n    to: db\n    with:\n      db: 3", "11: `with.db`: expected a mapping (key: value), not '3'"),
        (
            "id: a\n    to: db\n    with:\n      dbs: {}",
            "11: `with` has options for `dbs`, but the route does not go there; did you mean `db`?",
        ),
        ("id: a\n    to: db\n    retry: {max_attempts: 0}", "10: `retry.max_attempts`: must be at least 1, not '0'"),
        (
            "id: a\n    to: db\n    labels: {a: 1}",
            '10: `labels.a`: expected text, but 1 is a number; put it in quotes: "1"',
        ),
        ("{id: a, to: db}\n  - id: a\n    to: db", "9: route `a` is already defined in hub.yaml:8; keep one"),
    ],
)
def test_mistakes_in_a_route(problems_of: ProblemsOf, route: str, problem: str) -> None:
    assert problems_of(f"{BASE}routes:\n  - {route}\n") == [f"hub.yaml:{problem}"]


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("{name: t, event: {source: dor}, expect: []}", "there is no source `dor`; did you mean `door`?"),
        ("{name: t, event: {source: door, tpe: x}, expect: []}", "unknown key `event.tpe`; did you mean `type`?"),
        ("{name: t, event: {type: x}, expect: []}", "`event.source` is missing; expected text"),
        ("{name: t, event: [], expect: []}", "`event`: expected a mapping (key: value), not a list"),
        ("{name: t, event: {source: door}, expect: all}", '`expect`: expected a list; write ["all"]'),
        ("{name: t, event: {source: door}, expect: [al]}", "there is no route `al`; did you mean `all`?"),
        ("{event: {source: door}, expect: []}", "`name` is missing; expected text"),
    ],
)
def test_mistakes_in_a_test(problems_of: ProblemsOf, test: str, problem: str) -> None:
    text = f"{BASE}routes: [{{id: all, to: db}}]\ntests:\n  - {test}\n"
    assert problems_of(text) == [f"hub.yaml:9: {problem}"]


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_lines(problems_of: ProblemsOf) -> None:
    found = problems_of(
        "version: 2\nsources:\n  door: {type: bell, secrets: ['${A}', '${B}']}\ndestinations:\n  db: {type: store}\n"
        "routes:\n  - id: a\n    to: [db, bd]\n    when: {type: x}\n  - id: b\n    to: db\n    x: 1\n"
    )
    assert [line.split(":")[1] for line in found] == ["1", "3", "3", "5", "8", "9", "12"]


@pytest.mark.parametrize(
    "data", [b"\x80\x81\xff", b"\x00\x01\x02", b"\xff\xfev\x00e\x00", b"PK\x03\x04\x14", b"%PDF-1.7\n"]
)
def test_a_file_that_is_something_else_is_a_clear_error(tmp_path: Path, registry: Registry, data: bytes) -> None:
    path = tmp_path / "hub.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError) as raised:
        load(path, {}, registry=registry)
    assert len(raised.value.problems) == 1


def test_a_folder_that_is_named_like_a_file_is_a_clear_error(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "conf" / "hub.yaml").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=r"hub\.yaml: cannot be read: Is a directory"):
        load(tmp_path / "conf", {}, registry=registry)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "hub.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\r\nname: x\r\n")
    assert load(path, {}, registry=registry).name == "x"


def test_a_problem_about_the_file_as_a_whole_shows_no_line() -> None:
    assert str(Problem(Where("hub.yaml", 0), "is empty")) == "hub.yaml: is empty"


def test_a_mistake_in_a_destination_does_not_make_its_routes_wrong(problems_of: ProblemsOf) -> None:
    text = "version: 1\ndestinations:\n  db: {type: stroe}\nroutes:\n  - {id: a, to: db}\n"
    assert [line.split(": ")[0] for line in problems_of(text)] == ["hub.yaml:3"]


def test_reading_twice_reports_twice_the_same(load_text: Load) -> None:
    texts = []
    for _ in range(2):
        with pytest.raises(ConfigurationError) as raised:
            load_text("version: 3\nname: 5\n")
        texts.append(str(raised.value))
    assert texts[0] == texts[1]


def test_a_file_of_a_folder_that_would_be_overlooked_is_a_mistake(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "hub.yaml").write_text("version: 1\n")
    (tmp_path / "routes.yml").write_text("routes: []\n")
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, {}, registry=registry)
    assert str(raised.value) == (
        f"{tmp_path / 'routes.yml'}: is not read; files of a configuration end in .yaml, so rename it"
    )


VALID = (
    BASE
    + """routes:
  - id: all
    to: [db, ring]
    when: {type: [a, {prefix: b}], metadata: {"n": [{numeric: [">", 1]}]}}
    with: {ring: {room: r, text: "{{ id }}"}}
tests:
  - {name: t, event: {source: door, data: {a: 1}}, expect: []}
"""
)
PIECES = ["{", "}", "[", "]", ": ", "- ", "\n", "  ", "'", '"', "${", "}", "&a ", "*a", "<<: ", "null", "1e9"]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_no_text_makes_anything_but_problems(tmp_path: Path, registry: Registry, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(VALID)))
    end = data.draw(st.integers(start, min(len(VALID), start + 20)))
    inserted = data.draw(st.lists(st.text(max_size=3) | st.sampled_from(PIECES), max_size=4).map("".join))
    path = tmp_path / "hub.yaml"
    path.write_bytes((VALID[:start] + inserted + VALID[end:]).encode("utf-8", "surrogatepass"))
    try:
        load(path, {}, registry=registry)
    except ConfigurationError as error:
        found = [each.message for each in error.problems]
        assert found
        assert all(found)
