"""The reference in Markdown, made of the models and tables that the hub itself reads."""

from collections.abc import Iterable
from textwrap import dedent

from connectors.registry import Kind, Registry
from hub.config.model import DeliverySettings, LogConfig, Renamed
from hub.config.options import Option, options, options_of
from hub.config.settings import SETTINGS
from hub.config.written import WrittenEvent, WrittenFile, WrittenRoute, WrittenTest


def render_reference(registry: Registry | None = None) -> dict[str, str]:
    """Section → Markdown: ``hub.yaml``, ``sources``, ``destinations``, ``settings``. Built-in connectors only."""
    registry = registry or Registry.installed()
    return {
        "hub.yaml": _file(),
        "sources": _connectors(registry, Kind.SOURCE),
        "destinations": _connectors(registry, Kind.DESTINATION),
        "settings": _table(
            ("variable", "default", "meaning"),
            ((f"`{each.variable}`", each.default, each.description) for each in SETTINGS),
        ),
    }


def _file() -> str:
    top = [each for each in options(WrittenFile) if each.name.partition(".")[0] not in {"log", "defaults"}]
    parts = {
        "At the top": top,
        "`log`": options(LogConfig),
        "In every destination, or in `defaults`": options(DeliverySettings),
        "In every destination": options(Renamed),
        "In a route": options(WrittenRoute),
        "In a test": [each for each in options(WrittenTest) if not each.name.startswith("event.")],
        "In a test's `event`": options(WrittenEvent),
    }
    return "\n\n".join(f"**{title}**\n\n{_options(found)}" for title, found in parts.items())


def _connectors(registry: Registry, kind: Kind) -> str:
    sections = []
    for registration in registry.registrations(kind):
        if not registration.builtin:
            continue
        connector = registration.load()
        summary = dedent("    " + (connector.__doc__ or "")).strip().replace("``", "`")
        effect = f"\n\nEffect: {connector.effect}." if kind is Kind.DESTINATION else ""
        tables = [
            f"In {title.removeprefix('in ')}:\n\n{_options(found)}"
            for title, found in options_of(kind, connector).items()
            if "every destination" not in title
        ]
        sections.append("\n\n".join([f"#### `{registration.name}`\n\n{summary}{effect}", *tables]))
    return "\n\n".join(sections)


def _options(found: Iterable[Option]) -> str:
    rows = (
        (
            f"`{each.name}`",
            each.type,
            "required" if each.required else f"`{each.default}`" if each.default else "",
            each.description,
        )
        for each in found
    )
    return _table(("key", "type", "default", "meaning"), rows)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
