"""Where the demo plays: its folder, its port, its secrets."""

import os
import secrets
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from dotenv import dotenv_values


@dataclass(frozen=True, slots=True)
class Stage:
    """``home`` is the HUB_HOME of the demo's hub; what it keeps there stays for the next time."""

    home: Path
    port: int
    emulator_port: int
    slack_url: str

    @property
    def config(self) -> Path:
        return self.home / "hub.yaml"

    @property
    def database(self) -> Path:
        return self.home / "events.db"

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def emulator(self) -> str:
        """Where the Gemini API is emulated."""
        return f"http://127.0.0.1:{self.emulator_port}"

    @property
    def api(self) -> str:
        """Where the hub answers programs."""
        return (self.home / "run" / "api.url").read_text().strip()

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of the demo's hub: the Slack endpoint and the emulator are on loopback, which it
        must be allowed to call.
        """
        return {
            **os.environ,
            "HUB_HOME": str(self.home),
            "HUB_ALLOW_PRIVATE": "1",
            "HUB_LOG_LEVEL": os.environ.get("HUB_LOG_LEVEL", "warning"),
            **self._variables,  # whatever else is called so where the demo is started
        }

    @property
    def _variables(self) -> Mapping[str, str]:
        return {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "SLACK_WEBHOOK_URL": self.slack_url,
            "GEMINI_JWKS_URL": f"{self.emulator}/.well-known/jwks.json",
        }

    def secret(self, source: str) -> str:
        """The signing secret that sender and hub share."""
        secret = dotenv_values(self.home / ".env")[_variable(source)]
        assert secret is not None
        return secret

    def set_up(self) -> None:
        """Write the configuration anew, and beside it its variables, for the commands of a second terminal as well;
        secrets stay.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self.config.write_text((files("hub.cli.demo") / "hub.yaml").read_text())
        environment = self.home / ".env"
        kept = dotenv_values(environment) if environment.exists() else {}
        signing = {_variable(source): kept.get(_variable(source)) or _new_secret() for source in SOURCES}
        environment.touch(mode=0o600)
        environment.write_text("".join(f"{name}={value}\n" for name, value in {**self._variables, **signing}.items()))


SOURCES = ("gemini", "shop")


def _new_secret() -> str:
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def _variable(source: str) -> str:
    return f"{source.upper()}_WEBHOOK_SECRET"


def free_port(wanted: int) -> int:
    """``wanted`` if nobody listens there, else any free one of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
