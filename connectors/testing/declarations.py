"""What both kinds of connectors are asked: do they declare what the hub and its documentation need."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from connectors.api import API_VERSION

RawConfig = Mapping[str, Any]
"""An entry of ``hub.yaml`` without its ``type``."""

Config = RawConfig | Callable[[pytest.FixtureRequest], RawConfig]
"""The entry, or what makes it when a test runs, such as from the address in a fixture of your own."""

_TYPE = re.compile(r"[a-z0-9][a-z0-9_-]*")


def resolve(config: Config, request: pytest.FixtureRequest) -> RawConfig:
    return config(request) if callable(config) else config


def check_name(name: object, api_version: int) -> None:
    assert isinstance(name, str), "name, the `type:` people write, is missing"
    assert _TYPE.fullmatch(name), f"the name {name!r} is not lower-case letters, digits, - and _"
    assert api_version == API_VERSION, (
        f"written for version {api_version} of the contract, this hub speaks {API_VERSION}"
    )


def check_model(model: type[BaseModel]) -> None:
    """Every option is described, since the reference is made of the descriptions, and unknown ones are errors."""
    undescribed = [name for name, field in model.model_fields.items() if not field.description]
    assert not undescribed, f"{model.__name__} has options without a description: {', '.join(undescribed)}"
    assert model.model_config.get("extra") == "forbid", f"{model.__name__} takes unknown options for granted"
    assert model.model_config.get("frozen"), f"{model.__name__} is not frozen"


def check_unknown_options_are_refused(model: type[BaseModel], config: RawConfig) -> None:
    with pytest.raises(ValidationError):
        model.model_validate({**config, "no_such_option": 1})


def check_masked(config: BaseModel, *shown: object) -> None:
    """No secret of the configuration is in its own repr, nor in the others'."""
    for secret in secrets_of(config):
        for each in (config, *shown):
            assert secret not in f"{each!r} {each!s}", f"{type(each).__name__} shows a secret"


def secrets_of(value: object) -> Iterator[str]:
    """Every secret in a configuration, however deep."""
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from secrets_of(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from secrets_of(each)
