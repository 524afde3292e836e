"""``hub connectors``: what is installed, who brought it, and the options of each."""

import json
import re
from dataclasses import dataclass
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from connectors.registry import ConnectorError, Kind, Registration, Registry
from hub.cli.tables import wide_console
from hub.cli.wiring import fail, json_option
from hub.config.options import Option, options_of


@dataclass(frozen=True, slots=True)
class Installed:
    """One registration, imported as far as that goes."""

    registration: Registration
    connector: Any
    error: str | None

    @property
    def origin(self) -> str:
        found = self.registration
        return "built in" if found.builtin else f"{found.distribution} {found.version}"

    @property
    def effect(self) -> str:
        return str(getattr(self.connector, "effect", ""))

    @property
    def summary(self) -> str:
        """The first sentence of the class's docstring."""
        text = " ".join((getattr(self.connector, "__doc__", None) or "").split()).replace("``", "`")
        return re.split(r"(?<=\.) ", text)[0]


@click.command(name="connectors", short_help="List the connectors, or the options of one.")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List every source and destination type that is installed, or with NAME the options of one.

    What a plugin brings and cannot be used is listed with the reason; it stops nobody who doesn't use it.
    """
    registry = Registry.installed()
    found = [_installed(registry, each) for kind in Kind for each in registry.registrations(kind)]
    if name is None:
        click.echo(_json([_row(each) for each in found])) if as_json else _show_table(found)
        return
    named = [each for each in found if each.registration.name == name]
    if not named:
        known = sorted({each.registration.name for each in found})
        fail(f"there is no connector {name!r}; there are {', '.join(known)}", code=2)
    if as_json:
        click.echo(_json([_row(each) | {"options": _options_json(each)} for each in named]))
    else:
        for each in named:
            _show_options(each)
    if any(each.error for each in named):
        raise SystemExit(1)


def _installed(registry: Registry, registration: Registration) -> Installed:
    try:
        registry.find(registration.kind, registration.name)  # raises where another distribution claims the name, too
        return Installed(registration, registration.load(), None)
    except ConnectorError as error:
        return Installed(registration, None, str(error))


def _row(each: Installed) -> dict[str, Any]:
    return {
        "kind": str(each.registration.kind),
        "name": each.registration.name,
        "origin": each.origin,
        "effect": each.effect or None,
        "summary": each.summary,
        "error": each.error,
    }


def _show_table(found: list[Installed]) -> None:
    table = Table("kind", "type", "from", "effect", "what it is", box=None, header_style="bold")
    for each in found:
        about = Text(f"broken: {each.error}", style="red") if each.error else Text(each.summary)
        table.add_row(str(each.registration.kind), each.registration.name, each.origin, each.effect, about)
    wide_console().print(table)
    click.echo("\nOptions of one: hub connectors NAME")


def _show_options(each: Installed) -> None:
    console = wide_console()
    effect = f", effect: {each.effect}" if each.effect else ""
    console.print(Text(f"{each.registration.kind} {each.registration.name}", style="bold"), end="")
    console.print(Text(f" ({each.origin}{effect})\n{each.error or each.summary}\n"))
    if each.error:
        return
    for title, options in options_of(each.registration.kind, each.connector).items():
        table = Table("option", "type", "default", "meaning", title=title, title_justify="left", box=None)
        for option in options:
            default = "required" if option.required else option.default
            table.add_row(*(Text(cell) for cell in (option.name, option.type, default, option.description)))
        console.print(table, end="\n\n")


def _options_json(each: Installed) -> dict[str, list[dict[str, Any]]]:
    if each.connector is None:
        return {}
    found = options_of(each.registration.kind, each.connector)
    return {title: [_option_json(option) for option in options] for title, options in found.items()}


def _option_json(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": option.type,
        "default": option.default,
        "required": option.required,
        "secret": option.secret,
        "description": option.description,
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=2)
