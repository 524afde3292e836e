"""``HUB_*``: where the hub runs, as environment variables. What it does is in ``hub.yaml``."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from hub.config.file_secrets import Unreadable, read_secret
from hub.config.problems import did_you_mean

ValueT = TypeVar("ValueT")
DefaultT = TypeVar("DefaultT")
ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class SettingsError(Exception):
    """A ``HUB_*`` variable has a value the hub cannot use. The message names it, and never shows a secret."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, read. ``kafka`` None means the embedded broker. ``kafka_properties`` have Kafka's own names
    (``security.protocol``); their values may be secrets, so they are not in the repr. ``unknown`` are the ``HUB_*``
    variables that mean nothing, each with a hint: worth a warning.
    """

    home: Path = Path(".hub")
    kafka: str | None = None
    kafka_properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_private: bool = False
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.TEXT
    java: Path | None = None
    token: str | None = field(default=None, repr=False)
    api: str | None = None
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: how it is documented and read."""

    variable: str
    default: str
    description: str
    secret: bool = False


SETTINGS = (
    Setting("HUB_HOME", ".hub", "Folder for everything the hub keeps on this machine."),
    Setting(
        "HUB_KAFKA", "the embedded broker", "Any Kafka cluster to use instead, as `host:port`, several with commas."
    ),
    Setting(
        "HUB_KAFKA_*",
        "",
        "Kafka's own client properties in capitals: `HUB_KAFKA_SECURITY_PROTOCOL` is `security.protocol`.",
        secret=True,
    ),
    Setting(
        "HUB_KAFKA_SASL_PASSWORD_FILE",
        "",
        "A file with the `sasl.password`, such as a mounted Secret, instead of the variable; read at the start.",
    ),
    Setting("HUB_ALLOW_PRIVATE", "0", "`1`: outgoing requests may reach loopback and private addresses."),
    Setting("HUB_LOG_LEVEL", "info", "`debug`, `info`, `warning` or `error`."),
    Setting("HUB_LOG_FORMAT", "text", "`text` for people, `json` for log collectors: one object per line."),
    Setting(
        "HUB_TOKEN",
        "",
        "What `hub api` asks for and `hub wait` brings. Without it `hub api` answers this machine only.",
        secret=True,
    ),
    Setting(
        "HUB_API", "the hub of this machine", "Where `hub wait` and `hub.client` find the api: `http://host:port`."
    ),
    Setting("HUB_JAVA", "the one that comes along", "Java 17 or newer for the embedded broker: path of `java`."),
)
"""Every variable the hub reads; the reference in the documentation is made of this table."""

_KAFKA_PREFIX = "HUB_KAFKA_"
_IN_FILE = "HUB_KAFKA_SASL_PASSWORD_FILE"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the ``HUB_*`` variables, and the file of the password for Kafka. One that is empty counts as not set.

    Raises:
        SettingsError: a variable has a value that means nothing.
    """
    given = {name: value for name, value in environ.items() if name.startswith("HUB_") and value}
    given = _with_password(given)
    defaults = Settings()
    return Settings(
        home=Path(given.get("HUB_HOME", defaults.home)),
        kafka=_read(given, "HUB_KAFKA", _bootstrap, defaults.kafka),
        kafka_properties=_kafka_properties(given),
        allow_private=_read(given, "HUB_ALLOW_PRIVATE", _flag, defaults.allow_private),
        log_level=_read(given, "HUB_LOG_LEVEL", _choice(LogLevel), defaults.log_level),
        log_format=_read(given, "HUB_LOG_FORMAT", _choice(LogFormat), defaults.log_format),
        java=_read(given, "HUB_JAVA", Path, defaults.java),
        token=_read(given, "HUB_TOKEN", _token, defaults.token),
        api=_read(given, "HUB_API", _url, defaults.api),
        unknown=tuple(_unknown(given)),
    )


def _read(given: Mapping[str, str], name: str, parse: Callable[[str], ValueT], default: DefaultT) -> ValueT | DefaultT:
    if name not in given:
        return default
    try:
        return parse(given[name])
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _bootstrap(text: str) -> str:
    if not re.fullmatch(r"[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*|\[[0-9a-fA-F:]+\]:\d{1,5}", text):
        raise ValueError(f"{text!r} is no address; write host:port, several with commas")
    return text


def _flag(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError(f"{text!r} is neither 1 nor 0")
    return text == "1"


def _choice(choices: type[ChoiceT]) -> Callable[[str], ChoiceT]:
    def read(text: str) -> ChoiceT:
        try:
            return choices(text.lower())
        except ValueError:
            known = [str(choice) for choice in choices]
            raise ValueError(f"expected {', '.join(known)}, not {text!r}{did_you_mean(text, known)}") from None

    return read


def _token(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{16,1000}", text):
        raise ValueError("it needs 16 ASCII characters at least, and no spaces; `openssl rand -hex 32` makes one")
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", text):
        raise ValueError(f"{text!r} is no address; write http://host:port")
    return text


def _with_password(given: dict[str, str]) -> dict[str, str]:
    if _IN_FILE not in given:
        return given
    variable, path = _IN_FILE.removesuffix("_FILE"), given[_IN_FILE]
    if variable in given:
        raise SettingsError(f"{variable} and {_IN_FILE} are both set; keep one")
    password = read_secret(Path(path))
    if isinstance(password, Unreadable):
        raise SettingsError(f"{_IN_FILE}: {path} {password.reason}")
    if not password:
        raise SettingsError(f"{_IN_FILE}: {path} is empty")
    return {name: value for name, value in given.items() if name != _IN_FILE} | {variable: password}


def _kafka_properties(given: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(_KAFKA_PREFIX).lower().replace("_", "."): value
        for name, value in given.items()
        if name.startswith(_KAFKA_PREFIX)
    }


def _unknown(given: Mapping[str, str]) -> Iterator[str]:
    known = [setting.variable for setting in SETTINGS if not setting.variable.endswith("*")]
    for name in sorted(given):
        if name not in known and not name.startswith(_KAFKA_PREFIX):
            yield f"{name} is not a setting of the hub{did_you_mean(name, known)}"
