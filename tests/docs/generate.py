"""Writes the generated parts of the README and the JSON Schemas anew: ``make docs``. Tests compare."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from hub.api.endpoints import reference
from hub.cli import group
from hub.cli.reference import render_commands
from hub.config.json_schema import render_schema
from hub.config.model import DEFAULT_DELAYS, LogConfig
from hub.config.reference import render_reference
from hub.log.topics import Layout, Topics, topic_specs
from hub.rules.operators import LANGUAGE
from schemas.generate import FOLDER, write
from schemas.headers import HEADERS

README = Path(__file__).parents[2] / "README.md"
SCHEMA = FOLDER / "hub-yaml.json"
"""That of ``hub.yaml``; the others are made of what is in ``schemas`` alone."""

_SECTION = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def render(text: str) -> str:
    """The text with every section between ``<!-- generated: NAME -->`` and ``<!-- /generated -->`` made anew."""
    sections = {
        **render_reference(),
        "commands": render_commands(group),
        "topics": _topics(),
        "headers": _headers(),
        "api": reference(),
        "language": _language(),
    }
    missing = set(sections) ^ {name for _, name, _ in _SECTION.findall(text)}
    assert not missing, f"the README and the generator do not agree on {sorted(missing)}"
    return _SECTION.sub(lambda match: f"{match[1]}\n{sections[match[2]]}\n\n{match[3]}", text)


def _topics() -> str:
    specs = topic_specs(Layout(Topics(), LogConfig(), ("<destination>",), DEFAULT_DELAYS))
    return _table(
        ("topic", "holds", "kept"),
        ((f"`{spec.name}`", spec.meaning, _kept(spec.configs["retention.ms"])) for spec in specs),
    )


def _kept(milliseconds: str) -> str:
    return "no limit" if milliseconds == "-1" else f"{int(milliseconds) // 86_400_000} days"


def _language() -> str:
    def shown(*values: object) -> str:
        return ", ".join(f"`{json.dumps(value, ensure_ascii=False)}`" for value in values)

    return _table(
        ("operator", "accepts", "written", "accepts such as", "but not"),
        (
            (each.name, each.meaning, shown([each.entry]), shown(*each.accepted), shown(*each.refused))
            for each in LANGUAGE
        ),
    )


def _headers() -> str:
    return _table(
        ("header", "on", "there", "meaning"),
        ((f"`{each.name}`", each.on, "always" if each.always else "if any", each.meaning) for each in HEADERS),
    )


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, tuple("---" for _ in header), *rows))


def schema() -> str:
    return json.dumps(render_schema(builtin=True), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    README.write_text(render(README.read_text()))
    SCHEMA.write_text(schema())
    write()
