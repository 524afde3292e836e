"""What a right ``hub.yaml`` becomes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.api import CollectingDestination, CollectionLimits, Options, Template
from connectors.registry import Registry
from hub.config.load import ConfigurationError, load
from hub.config.model import BatchConfig, Batching, Order, Where
from schemas.identity import OncePer
from schemas.lane import Lane
from tests.unit.config.conftest import Load, PagerDestination, PagerOptions, StoreConfig

WHOLE = """\
version: 1
name: shop
x-anchors: {retry: &patient {max_attempts: 20, max_age: 48h}, unused: "${NOT_SET_ANYWHERE}"}
log: {partitions: 4, retention: 7d, durability: fsync}
retry: {delays: [1s, 1m]}
defaults: {timeout: 5s, retry: {backoff: 2s, max_attempts: 3}}
sources:
  door: {type: bell, secrets: ["${DOOR_SECRET}", "${OLD_DOOR_SECRET:-}"], max_body: 2MB}
destinations:
  db: {type: store, url: "${URL:-file}", port: "${PORT}", retry: *patient}
  ring: {type: pager, room: hall, timeout: 9s}
routes:
  - id: everything
    to: db
    description: Keep it all.
  - id: urgent
    when: {source: [door], metadata: {priority: [high]}}
    to: [ring, db]
    retry: {max_age: 1h}
    labels: {team: search}
    order: strict
    priority: "{{ metadata.priority }}"
    stale_after: 1h
    with:
      ring: {text: "{{ subject }} costs $$5", loud: true}
tests:
  - name: a whisper wakes nobody
    event: {source: door, type: ping, data: {a: 1}}
    expect: [everything]
"""
SECRETS = {"DOOR_SECRET": "a-secret", "PORT": "8080"}


def test_a_whole_configuration_becomes_typed_values(load_text: Load) -> None:
    found = load_text(WHOLE, SECRETS)
    assert found.name == "shop"
    assert (found.log.partitions, found.log.retention) == (4, timedelta(days=7))
    door = found.sources["door"]
    assert door.where == Where("hub.yaml", 8)
    assert getattr(door.config, "secrets") == (SecretStr("a-secret"),)  # noqa: B009  (the base model has none)
    assert found.max_body == 2_000_000
    assert found.payload_member("door") == "data"
    store = found.destinations["db"].config
    assert isinstance(store, StoreConfig)
    assert (store.url.get_secret_value(), store.port) == ("file", 8080)
    everything, urgent = found.routes
    assert (everything.when, everything.description, everything.enabled) == (None, "Keep it all.", True)
    assert [target.destination for target in urgent.to] == ["ring", "db"]
    assert urgent.labels == {"team": "search"}
    assert (urgent.order, urgent.priority, urgent.stale_after) == (
        Order.STRICT,
        Template("{{ metadata.priority }}"),
        timedelta(hours=1),
    )
    assert (everything.order, everything.priority, everything.stale_after) == (Order.SUBJECT, Lane.NORMAL, None)
    assert found.delays == found.layout.delays == (timedelta(seconds=1), timedelta(minutes=1))
    assert urgent.when is not None
    assert urgent.when.matches({"source": "door", "metadata": {"priority": "high"}})
    assert found.findings == ()


def test_the_route_wins_over_the_destination_and_that_over_the_defaults(load_text: Load) -> None:
    found = load_text(WHOLE, SECRETS)
    assert found.destinations["db"].settings.timeout == timedelta(seconds=5)
    assert found.destinations["ring"].settings.timeout == timedelta(seconds=9)
    retries = {target.destination: target.retry for target in found.routes[1].to}
    hour = timedelta(hours=1)
    assert (retries["db"].max_attempts, retries["db"].max_age) == (20, hour)
    assert (retries["ring"].max_attempts, retries["ring"].max_age) == (3, hour)
    assert retries["db"].backoff == retries["ring"].backoff == timedelta(seconds=2)


def test_a_route_sets_options_over_the_destinations_own(load_text: Load) -> None:
    ring = load_text(WHOLE, SECRETS).routes[1].to[0].options
    assert isinstance(ring, PagerOptions)
    assert (ring.room, ring.loud) == ("hall", True)
    assert ring.text is not None
    assert ring.text.render({"subject": "it"}) == "it costs $5"


def test_plugins_get_a_process_of_their_own_unless_told_otherwise(load_text: Load) -> None:
    found = load_text(WHOLE, SECRETS)
    assert (found.destinations["db"].isolated, found.destinations["ring"].isolated) == (False, True)
    other = WHOLE.replace("timeout: 9s", "isolate: false").replace("url:", "isolate: true, url:")
    found = load_text(other, SECRETS)
    assert (found.destinations["db"].isolated, found.destinations["ring"].isolated) == (True, False)


def test_the_revision_names_the_text_and_not_the_secrets(load_text: Load) -> None:
    first = load_text(WHOLE, SECRETS).revision
    assert len(first) == 12
    assert load_text(WHOLE, SECRETS | {"DOOR_SECRET": "rotated"}).revision == first
    assert load_text(WHOLE.replace("\n", "\r\n"), SECRETS).revision == first
    assert load_text(WHOLE.replace("shop", "ship"), SECRETS).revision != first


def test_a_minimal_file_is_enough(load_text: Load) -> None:
    found = load_text("version: 1\nsources:\nroutes:\n")
    assert (found.name, dict(found.sources), found.routes, found.max_body) == ("hub", {}, (), 1_000_000)


def test_text_that_older_yaml_takes_for_something_else_stays_text(load_text: Load) -> None:
    tags = "[no, on, yes, off, 2026-01-22, 12:30:45, 1_000, 0b1, =, .5.]"
    found = load_text(f"version: 1\ndestinations:\n  no: {{type: store, url: u, table: no, tags: {tags}}}\n")
    store = found.destinations["no"].config
    assert isinstance(store, StoreConfig)
    assert store.table == "no"
    assert store.tags == ("no", "on", "yes", "off", "2026-01-22", "12:30:45", "1_000", "0b1", "=", ".5.")


def test_a_merged_anchor_gives_what_the_entry_does_not_say(load_text: Load) -> None:
    found = load_text(
        "version: 1\nx-store: &store {type: store, url: u, table: shared, port: 2}\n"
        "destinations:\n  a: {<<: *store, port: 3}\n"
    )
    store = found.destinations["a"].config
    assert isinstance(store, StoreConfig)
    assert (store.table, store.port) == ("shared", 3)


class TestFolder:
    def test_its_files_are_merged_in_the_order_of_their_names(self, tmp_path: Path, registry: Registry) -> None:
        (tmp_path / "b.yaml").write_text("routes:\n  - {id: second, to: db}\n")
        (tmp_path / "a.yaml").write_text(
            "version: 1\ndestinations: {db: {type: store, url: u}}\nroutes:\n  - {id: first, to: ring}\n"
        )
        (tmp_path / "c.yaml").write_text("version: 1\ndestinations: {ring: {type: pager, room: '${ROOM}'}}\n")
        (tmp_path / "ignored.txt").write_text(":::")
        (tmp_path / ".env").write_text("ROOM=hall\n")
        found = load(tmp_path, {}, registry=registry)
        assert [route.id for route in found.routes] == ["first", "second"]
        assert set(found.destinations) == {"db", "ring"}
        assert found.routes[1].where == Where(str(tmp_path / "b.yaml"), 2)

    def test_a_name_defined_twice_names_both_places(self, tmp_path: Path, registry: Registry) -> None:
        both = (
            "version: 1\nname: {name}\ndestinations:\n  db: {{type: store, url: u}}\nroutes:\n  - {{id: a, to: db}}\n"
        )
        for name in ("a", "b"):
            (tmp_path / f"{name}.yaml").write_text(both.format(name=name))
        with pytest.raises(ConfigurationError) as raised:
            load(tmp_path, {}, registry=registry)
        first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
        assert str(raised.value).splitlines() == [
            f"{second}:2: `name` is already defined in {first}:2; keep one",
            f"{second}:4: destination `db` is already defined in {first}:4; keep one",
        ]

    def test_a_route_defined_twice_names_both_places(self, tmp_path: Path, registry: Registry) -> None:
        (tmp_path / "a.yaml").write_text("version: 1\ndestinations: {db: {type: store, url: u}}\n")
        for name in ("b", "c"):
            (tmp_path / f"{name}.yaml").write_text("routes:\n  - id: a\n    to: db\n")
        with pytest.raises(ConfigurationError) as raised:
            load(tmp_path, {}, registry=registry)
        first, second = tmp_path / "b.yaml", tmp_path / "c.yaml"
        assert str(raised.value) == f"{second}:2: route `a` is already defined in {first}:2; keep one"

    def test_an_empty_one_says_so(self, tmp_path: Path, registry: Registry) -> None:
        with pytest.raises(
            ConfigurationError, match=r"this folder has no \*\.yaml in it; `hub init` writes a hub.yaml"
        ):
            load(tmp_path, {}, registry=registry)


def test_the_same_text_gives_the_same_configuration(load_text: Load) -> None:
    assert load_text(WHOLE, SECRETS) == replace(load_text(WHOLE, SECRETS))


def test_a_pattern_that_names_no_source_is_a_finding_and_not_an_error(load_text: Load) -> None:
    text = WHOLE.replace("source: [door]", "source: [door, dorr, {prefix: x}]")
    (finding,) = load_text(text, SECRETS).findings
    assert str(finding) == (
        "hub.yaml:17: this matches nothing: there is no source 'dorr'; did you mean `door`? [unknown-source]"
    )


def test_the_hubs_own_news_are_a_source_that_is_always_there(load_text: Load) -> None:
    found = load_text(WHOLE.replace("source: [door]", "source: [hub]"), SECRETS)
    assert not found.findings
    assert found.payload_member("hub") is None, "`data` is the whole body"
    assert "hub" not in found.sources, "nobody can post as the hub"


def test_a_configuration_shows_no_secret(load_text: Load) -> None:
    assert "a-secret" not in repr(load_text(WHOLE, SECRETS))


def test_the_file_must_exist(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "nope.yaml"
    with pytest.raises(ConfigurationError) as raised:
        load(path, {}, registry=registry)
    assert str(raised.value) == f"{path}: not found; `hub init` writes one"


def test_what_collects_has_batches_of_its_own_size() -> None:
    class Shelf(CollectingDestination[StoreConfig, Options]):
        limits = CollectionLimits(max_records=7)

    assert Batching.of(Shelf, BatchConfig()) == Batching(7, 32_000_000, timedelta(seconds=60), 32_000_000)
    assert Batching.of(Shelf, BatchConfig(max_records=3, max_wait=timedelta(seconds=1))) == Batching(
        3, 32_000_000, timedelta(seconds=1), 32_000_000
    )
    assert Batching.of(PagerDestination, BatchConfig()) == Batching(500, 8_000_000)


def test_a_route_counts_deliveries_by_what_it_names_and_only_within_a_subject(load_text: Load) -> None:
    route = "version: 1\ndestinations:\n  db: {type: store, url: u}\nroutes:\n  - {id: all, to: db%s}\n"
    assert load_text(route % "").routes[0].once_per == ()
    asked = load_text(route % ", once_per: [subject, type]").routes[0].once_per
    assert asked == (OncePer.SUBJECT, OncePer.TYPE)
    for wrong in ("[type]", "[subject, id]"):
        with pytest.raises(ConfigurationError, match=r"hub.yaml:5: `once_per"):
            load_text(route % f", once_per: {wrong}")
