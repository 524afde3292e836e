"""The findings of a text, with the built-in connectors."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.config.load import load
from hub.config.model import Configuration
from hub.lint import lint

BASE = """\
version: 1
sources:
  gemini: {type: gemini, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}
  github: {type: github, secrets: [s], metadata: {repository: repository.full_name}}
  shop: {type: standard_webhooks, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}
destinations:
  db: {type: database, url: "sqlite:///events.db"}
  terminal: {type: console}
routes:
"""
FIRST = BASE.count("\n") + 1
"""The line of the first route."""

Load = Callable[..., Configuration]
Found = Callable[..., list[str]]


@pytest.fixture
def load_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    monkeypatch.chdir(tmp_path)

    def run(*routes: str, base: str = BASE) -> Configuration:
        Path("hub.yaml").write_text(base + "".join(f"  - {route}\n" for route in routes))
        return load(Path("hub.yaml"), {})

    return run


@pytest.fixture
def found(load_text: Load) -> Found:
    """Every finding as it is shown."""

    def run(*routes: str) -> list[str]:
        return [str(each) for each in lint(load_text(*routes))]

    return run
