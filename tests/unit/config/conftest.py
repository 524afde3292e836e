"""A registry of small connectors, and ``load`` of a text."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import Field, SecretStr, field_validator

from connectors.api import (
    Delivery,
    DestinationConfig,
    EachDestination,
    Effect,
    EventAttributes,
    Options,
    Request,
    SignedSourceConfig,
    Source,
    Template,
    Verified,
)
from connectors.registry import Kind, Registration, Registry
from hub.config.load import ConfigurationError, load
from hub.config.model import Configuration


class BellSource(Source[SignedSourceConfig]):
    name = "bell"
    config_model = SignedSourceConfig
    payload_member = "data"

    async def verify(self, request: Request, now: datetime) -> Verified:
        raise AssertionError("never called")

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        raise AssertionError("never called")


class Mode(StrEnum):
    FAST = "fast"
    SAFE = "safe"


class StoreConfig(DestinationConfig):
    url: SecretStr = Field(description="Where.")
    table: str = Field("events", description="What.")
    port: int = Field(1, ge=1, le=65535, description="Port.")
    mode: Mode = Field(Mode.SAFE, description="How.")
    tags: tuple[str, ...] = Field((), description="Words.")
    sync: bool = Field(default=False, description="Whether.")

    @field_validator("url")
    @classmethod
    def _careless(cls, url: SecretStr) -> SecretStr:
        # What a plugin's author may do: put the secret, or the better half of it, into a message.
        value = url.get_secret_value()
        if value.startswith("whole"):
            raise ValueError(f"bad url {value}")
        if value.startswith("part"):
            raise ValueError(f"bad url, it ends with {value[-20:]}")
        return url


class StoreDestination(EachDestination[StoreConfig]):
    name = "store"
    config_model = StoreConfig
    effect = Effect.IDEMPOTENT

    async def deliver_one(self, delivery: Delivery) -> None:
        raise AssertionError("never called")


class PagerConfig(DestinationConfig):
    token: SecretStr | None = Field(None, description="Token.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="More.")


class PagerOptions(Options):
    text: Template | None = Field(None, description="Message.")
    room: str = Field(description="Where to.")
    loud: bool = Field(default=False, description="How.")


class PagerDestination(EachDestination[PagerConfig, PagerOptions]):
    name = "pager"
    config_model = PagerConfig
    options_model = PagerOptions
    effect = Effect.NOTIFY

    async def deliver_one(self, delivery: Delivery[PagerOptions]) -> None:
        raise AssertionError("never called")


class Given(EntryPoint):
    """An entry point that leads to a class of this file."""

    def load(self) -> Any:
        found = {"bell": BellSource, "store": StoreDestination, "pager": PagerDestination}.get(self.name)
        if found is None:
            raise ImportError(f"no module named {self.name!r}")
        return found


def _registration(kind: Kind, name: str, distribution: str) -> Registration:
    return Registration(kind, name, distribution, "1.0", Given(name, f"tests:{name}", kind.group))


@pytest.fixture
def registry() -> Registry:
    return Registry(
        [
            _registration(Kind.SOURCE, "bell", "event-hub"),
            _registration(Kind.DESTINATION, "store", "event-hub"),
            _registration(Kind.DESTINATION, "pager", "hub-pager"),
            _registration(Kind.DESTINATION, "broken", "hub-broken"),
        ]
    )


class Load(Protocol):
    def __call__(
        self, text: str, environ: Mapping[str, str] = ..., *, expand: bool = ..., may_lack: bool = ...
    ) -> Configuration: ...


@pytest.fixture
def load_text(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write ``hub.yaml`` into an empty current folder, and load it from there."""
    monkeypatch.chdir(tmp_path)

    def loaded(
        text: str, environ: Mapping[str, str] = {}, *, expand: bool = True, may_lack: bool = False
    ) -> Configuration:
        Path("hub.yaml").write_text(text, encoding="utf-8")
        return load(Path("hub.yaml"), environ, expand=expand, may_lack=may_lack, registry=registry)

    return loaded


@pytest.fixture
def problems_of(load_text: Load) -> Callable[..., list[str]]:
    """The problems of a text that must have some, as they are printed."""

    def problems(text: str, environ: Mapping[str, str] = {}, *, expand: bool = True) -> list[str]:
        with pytest.raises(ConfigurationError) as raised:
            load_text(text, environ, expand=expand)
        return str(raised.value).splitlines()

    return problems
