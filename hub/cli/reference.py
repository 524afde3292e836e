"""The reference of the commands in Markdown, made of the commands themselves."""

import click

_WIDTH = 100


def render_commands(group: click.Group) -> str:
    """Every command with its ``--help``, in the order of ``hub --help``."""
    settings = {**group.context_settings, "max_content_width": _WIDTH, "terminal_width": _WIDTH}
    return "\n\n".join(_render(group, click.Context(group, info_name="hub", **settings)))


def _render(command: click.Command, context: click.Context) -> list[str]:
    sections = [f"#### `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            if sub is not None and not sub.hidden:
                sections += _render(sub, click.Context(sub, parent=context, info_name=name, terminal_width=_WIDTH))
    return sections
