"""``hub schema``: the JSON Schema of ``hub.yaml``, for editors and for checks that have no hub."""

import json

import click

from hub.config.json_schema import render_schema


@click.command(name="schema", short_help="Print the JSON Schema of hub.yaml, for editors.")
def command() -> None:
    """Print the JSON Schema of hub.yaml, with every connector that is installed, plugins included.

    \b
        hub schema > hub.schema.json
    and as the first line of hub.yaml
        # yaml-language-server: $schema=hub.schema.json
    make editors complete and check it. `hub init` writes both; write it anew when a plugin is installed.
    """  # noqa: D301  (\\b is click's mark for "do not re-wrap")
    click.echo(schema_text(), nl=False)


def schema_text() -> str:
    """As it is written into files."""
    return json.dumps(render_schema(), indent=2, ensure_ascii=False) + "\n"
