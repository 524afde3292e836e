"""``hub init``: the first ``hub.yaml``, complete and right, with a local secret to try it with."""

import base64
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import click

from hub.cli.schema import schema_text
from hub.cli.wiring import fail

SCHEMA_FILE = "hub.schema.json"
_IGNORED = (".env", ".hub/")


def _standard_webhooks_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _hex_secret() -> str:
    return secrets.token_hex(32)


@dataclass(frozen=True, slots=True)
class Beginning:
    """One kind of sender to begin with: its template is ``templates/<type>.yaml``; ``sample`` is a type of event that
    more than one of its routes match.
    """

    source: str
    variable: str
    new_secret: Callable[[], str]
    sample: str


BEGINNINGS = {
    "gemini": Beginning("gemini", "GEMINI_WEBHOOK_SECRET", _standard_webhooks_secret, "batch.failed"),
    "github": Beginning("github", "GITHUB_WEBHOOK_SECRET", _hex_secret, "issues.opened"),
    "standard_webhooks": Beginning("webhooks", "WEBHOOK_SECRET", _standard_webhooks_secret, "order.refunded"),
}


@click.command(name="init", short_help="Write a first hub.yaml into this folder.")
@click.argument("sender", type=click.Choice(list(BEGINNINGS)), default="gemini")
def command(sender: str) -> None:
    """Write hub.yaml, .env and .gitignore into this folder, ready for `hub up`; and hub.schema.json, by which editors
    complete and check hub.yaml.

    SENDER is what sends the first webhooks; others are added in hub.yaml later. Nothing is overwritten.
    """
    beginning = BEGINNINGS[sender]
    folder = Path.cwd()
    existing = [path.name for path in (folder / "hub.yaml", folder / ".env") if path.exists() or path.is_symlink()]
    if existing:
        fail(f"{' and '.join(existing)} already there; `hub init` overwrites nothing, so try an empty folder", code=2)
    try:
        _write(folder, sender, beginning)
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}", code=2)
    click.echo("Wrote hub.yaml (what the hub does), .env (secrets, readable by you alone) and .gitignore; and")
    click.echo(f"{SCHEMA_FILE}, so that editors complete and check hub.yaml.\n")
    click.echo("Next, here:                  hub up")
    click.echo(f"and in a second terminal:    hub send {beginning.source} --sample {beginning.sample}")
    click.echo("                             hub events list")
    click.echo("After every change:          hub check")


def _write(folder: Path, sender: str, beginning: Beginning) -> None:
    _create(folder / ".env", _env(beginning), mode=0o600)
    template = files("hub.cli").joinpath("templates", f"{sender}.yaml").read_text(encoding="utf-8")
    _create(folder / "hub.yaml", f"# yaml-language-server: $schema={SCHEMA_FILE}\n{template}")
    if not (folder / SCHEMA_FILE).exists():
        _create(folder / SCHEMA_FILE, schema_text())
    _ignore(folder / ".gitignore")


def _env(beginning: Beginning) -> str:
    return (
        "# Variables of hub.yaml. Never commit this file. The real environment wins over it.\n"
        f"{beginning.variable}={beginning.new_secret()}\n"
        "# SLACK_WEBHOOK_URL=https://hooks.slack.com/services/…\n"
    )


def _create(path: Path, text: str, mode: int = 0o644) -> None:
    # O_EXCL: also a file that appears meanwhile, or a dangling link, is not written through.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123  (pathlib opens no descriptors)
        stream.write(text)


def _ignore(path: Path) -> None:
    """Add what must not be committed, unless it is there already."""
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [name for name in _IGNORED if name not in present.splitlines()]
    if missing:
        separator = "" if not present or present.endswith("\n") else "\n"
        with path.open("a", encoding="utf-8") as stream:
            stream.write(separator + "".join(f"{name}\n" for name in missing))
