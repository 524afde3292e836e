"""Where values come from: the environment, ``.env``, files of secrets; and that none of them can do more than that."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from connectors.api import Options
from hub.config.model import DeliverySettings, LogConfig
from tests.unit.config.conftest import Load, PagerDestination, StoreConfig

ProblemsOf = Callable[..., list[str]]

STORE = "version: 1\ndestinations:\n  db: {type: store, url: u, table: 'TABLE'}\n"


def table(load_text: Load, text: str, environ: dict[str, str], *, expand: bool = True) -> str:
    config = load_text(STORE.replace("TABLE", text), environ, expand=expand).destinations["db"].config
    assert isinstance(config, StoreConfig)
    return config.table


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"),
        ("x-${A}-${B}-y", "x-one-two-y"),
        ("${A:-other}", "one"),
        ("${MISSING:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${MISSING:-}", ""),
        ("${EMPTY}", ""),
        ("${MISSING:-a:b-c}", "a:b-c"),
        ("$${A}", "${A}"),
        ("$$$${A}", "$${A}"),
        ("$$A", "$A"),
        ("$A costs $5", "$A costs $5"),
        ("${SELF}", "${A}"),
    ],
)
def test_a_variable_is_put_in_once(load_text: Load, text: str, value: str) -> None:
    environ = {"A": "one", "B": "two", "EMPTY": "", "SELF": "${A}"}
    assert table(load_text, text, environ) == value


@pytest.mark.parametrize(
    "value", ["x, port: 7", "x}\nroutes: []", "[a]", "&a b", "!!int 3", "a: b", "#", "'", '"', "null"]
)
def test_a_value_cannot_write_yaml(load_text: Load, value: str) -> None:
    assert table(load_text, "${A}", {"A": value}) == value


def test_the_environment_wins_over_the_file(load_text: Load) -> None:
    Path(".env").write_text("A=file\nB='quoted # file'\nexport C=\"c\"\n# comment\n\nD=${A}\n")
    assert table(load_text, "${A} ${B} ${C} ${D}", {"A": "real"}) == "real quoted # file c ${A}"


def test_a_variable_without_a_value_says_where_to_put_one(problems_of: ProblemsOf) -> None:
    Path(".env").write_text("TABEL=x\n")
    assert problems_of(STORE.replace("TABLE", "${TABLE}")) == [
        "hub.yaml:3: ${TABLE} is not set; did you mean `TABEL`?; put `TABLE=…` into .env or into the environment"
    ]


@pytest.mark.parametrize("text", ["${", "${A", "${}", "${A-b}", "${1}", "${ A }", "${A:=b}", "a $${} ${!}"])
def test_what_begins_no_variable_is_a_mistake(problems_of: ProblemsOf, text: str) -> None:
    assert problems_of(STORE.replace("TABLE", text), {"A": "one"}) == [
        "hub.yaml:3: a ${ that begins no variable; expected ${NAME} or ${NAME:-default}; a literal ${ is written $${"
    ]


def test_a_line_of_dotenv_that_means_nothing_is_a_mistake_and_not_shown(problems_of: ProblemsOf) -> None:
    Path(".env").write_text("A=1\nthis is - my password\nB='never closed\n")
    found = problems_of("version: 1\n")
    assert found == [
        ".env:2: expected NAME=value, or # and a comment",
        ".env:3: expected NAME=value, or # and a comment",
    ]


def test_a_dotenv_of_bytes_is_a_clear_mistake(problems_of: ProblemsOf) -> None:
    Path(".env").write_bytes(b"\xff\xfe\x00")
    assert problems_of("version: 1\n") == [".env: cannot be read: it is not UTF-8 text"]


def test_a_number_comes_out_of_a_variable(load_text: Load) -> None:
    text = "version: 1\nlog: {partitions: '${N}', retention: '${KEEP}'}\n"
    assert load_text(text, {"N": "12", "KEEP": "2h"}).log.partitions == 12


def test_ignored_keys_need_no_variables(load_text: Load) -> None:
    assert load_text("version: 1\nx-later: {url: '${NOT_YET}'}\n").name == "hub"


class TestWithoutTheEnvironment:
    """``hub check --no-env``: in a pipeline that has no secrets."""

    def test_unset_variables_are_accepted_and_nothing_is_looked_up(self, load_text: Load) -> None:
        Path(".env").write_text("TABLE=secret\nbroken line\n")
        text = STORE.replace("url: u", "url: {file: nowhere}, port: '${PORT}'").replace("TABLE", "${TABLE}")
        text += "routes:\n  - {id: all, to: db}\nlog: {partitions: '${N}'}\n"
        found = load_text(text, {"TABLE": "real"}, expand=False)
        assert "real" not in repr(found)
        assert "secret" not in repr(found)
        assert [route.id for route in found.routes] == ["all"]

    def test_what_has_no_value_has_its_default_and_everything_else_is_what_is_written(self, load_text: Load) -> None:
        text = STORE.replace("url: u", "url: '${URL}', port: '${PORT}', concurrency: '${C}', timeout: 5s")
        text += "routes: [{id: all, to: db, sample: '${S}', stale_after: 1h}]\n"
        text += "log: {partitions: '${N}', retention: 2h}\ndefaults: {rate_limit: '${R}'}\n"
        found = load_text(text, expand=False)
        assert (found.log.partitions, found.log.retention) == (LogConfig().partitions, timedelta(hours=2))
        db, [route] = found.destinations["db"], found.routes
        assert (db.settings.concurrency, db.settings.timeout) == (DeliverySettings().concurrency, timedelta(seconds=5))
        assert isinstance(db.config, StoreConfig)
        assert db.config.port == StoreConfig.model_fields["port"].default
        assert (route.sample, route.stale_after) == (None, timedelta(hours=1))
        assert (db.whole, route.to[0].whole) == (False, False)
        assert found.unset == {"destinations", "routes", "log", "defaults"}

    def test_some_may_lack_and_the_others_count(self, load_text: Load) -> None:
        text = STORE.replace("url: u", "url: {file: nowhere}") + "log: {partitions: '${N}', retention: '${KEEP}'}\n"
        found = load_text(text, {"KEEP": "2h"}, may_lack=True)
        assert (found.log.retention, found.destinations["db"].whole) == (timedelta(hours=2), False)
        Path("nowhere").write_text("u")
        assert load_text(text, {"KEEP": "2h"}, may_lack=True).destinations["db"].whole

    def test_what_does_not_depend_on_them_is_still_checked(self, problems_of: ProblemsOf) -> None:
        text = STORE.replace("TABLE", "${TABLE}").replace("url: u", "prot: 1, mode: fats, port: '${PORT}'")
        assert problems_of(text, expand=False) == [
            "hub.yaml:3: `mode`: expected 'fast' or 'safe', not 'fats'; did you mean `fast`?",
            "hub.yaml:3: `url` is missing; expected secret",
            "hub.yaml:3: unknown key `prot`; did you mean `port`?",
        ]

    def test_a_default_counts(self, problems_of: ProblemsOf) -> None:
        text = STORE.replace("url: u", "url: u, port: '${PORT:-no}'")
        assert problems_of(text, expand=False) == ["hub.yaml:3: `port`: expected a whole number, not '${PORT:-no}'"]


class SecretiveOptions(Options):
    code: SecretStr | tuple[SecretStr, ...] | None = Field(None, description="To be let in.")
    token: SecretStr | None = Field(None, description="Another token.")


class TestSecretFiles:
    def url(self, load_text: Load, url: str) -> str:
        config = load_text(STORE.replace("url: u", f"url: {url}"), {"DIR": "run"}).destinations["db"].config
        assert isinstance(config, StoreConfig)
        return config.url.get_secret_value()

    def test_a_secret_is_read_from_its_file_without_the_last_newline(self, load_text: Load) -> None:
        Path("run").mkdir()
        Path("run/url").write_text("from a file\r\n")
        assert self.url(load_text, "{file: run/url}") == "from a file"
        assert self.url(load_text, "{file: '${DIR}/url'}") == "from a file"

    def test_a_list_of_secrets_may_mix_them(self, load_text: Load) -> None:
        Path("new").write_text("new-secret\n")
        found = load_text("version: 1\nsources:\n  door: {type: bell, secrets: [{file: new}, old, '']}\n")
        secrets = found.sources["door"].config.model_dump()["secrets"]
        assert [secret.get_secret_value() for secret in secrets] == ["new-secret", "old"]

    def test_a_mapping_of_secrets_may_mix_them(self, load_text: Load) -> None:
        Path("key").write_text("from a file\n")
        text = "version: 1\ndestinations:\n  ring: {type: pager, headers: {X-Key: {file: key}, X-Other: written}}\n"
        headers = load_text(text).destinations["ring"].config.model_dump()["headers"]
        assert {name: secret.get_secret_value() for name, secret in headers.items()} == {
            "X-Key": "from a file",
            "X-Other": "written",
        }

    def test_what_holds_no_secret_reads_no_file(self, problems_of: ProblemsOf) -> None:
        Path("name").write_text("x")
        assert problems_of("version: 1\ndestinations:\n  db: {type: store, url: u, table: {file: name}}\n") == [
            "hub.yaml:3: `table`: expected text, not a mapping"
        ]

    @pytest.mark.parametrize(
        ("data", "reason"), [(b"\xff", "is not UTF-8 text"), (b"x" * 70_000, "is larger than 64 kB")]
    )
    def test_a_file_that_holds_no_secret_is_a_mistake(self, problems_of: ProblemsOf, data: bytes, reason: str) -> None:
        Path("file").write_bytes(data)
        text = "version: 1\ndestinations:\n  db: {type: store, url: {file: file}}\n"
        assert problems_of(text) == [f"hub.yaml:3: the secret's file file {reason}"]

    @pytest.mark.parametrize("value", ["{file: key}", "[{file: key}]"])
    def test_the_options_of_a_route_refuse_files_and_say_what_to_do(
        self, problems_of: ProblemsOf, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        """Only connectors are made anew when a file changes: a secret that stays the old one is worse than none."""
        monkeypatch.setattr(PagerDestination, "options_model", SecretiveOptions)
        Path("key").write_text("from a file")
        reason = (
            "`code`: what a route sets by `with` is not read from a file; write the secret as ${VARIABLE}, or put what "
            "differs into a destination of its own"
        )
        text = "version: 1\ndestinations:\n  ring: {type: pager}\n"
        text += f"routes:\n  - {{id: all, to: ring, with: {{ring: {{code: {value}}}}}}}\n"
        assert problems_of(text) == [f"hub.yaml:5: {reason}"]
        text = f"version: 1\ndestinations:\n  ring: {{type: pager, code: {value}}}\n"
        assert problems_of(text) == [f"hub.yaml:3: {reason}"]

    def test_a_secret_of_a_connector_and_of_its_routes_may_be_in_a_file_of_the_connector(
        self, load_text: Load, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(PagerDestination, "options_model", SecretiveOptions)
        Path("key").write_text("from a file")
        text = "version: 1\ndestinations:\n  ring: {type: pager, token: {file: key}}\nroutes: [{id: all, to: ring}]\n"
        found = load_text(text)
        token = found.destinations["ring"].config.model_dump()["token"]
        assert token.get_secret_value() == "from a file"
        assert found.routes[0].to[0].options.model_dump()["token"] is None
