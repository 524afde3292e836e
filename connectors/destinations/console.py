"""One line per delivery on standard output, for development."""

import asyncio
import sys

from pydantic import Field

from connectors.api import Delivery, DestinationConfig, DestinationDownError, EachDestination, Effect, Options, Template

_DEFAULT_TEXT = "{{ source }} {{ type }} {{ id }}{% if subject %} {{ subject }}{% endif %} {{ metadata | tojson }}"
_LONGEST_LINE = 2000


class ConsoleConfig(DestinationConfig):
    """Options of ``type: console``."""

    text: Template = Field(Template(_DEFAULT_TEXT), description="The line, a template.")


class ConsoleOptions(Options):
    """What a route may set with ``with``."""

    text: Template | None = Field(None, description="The line of this route, a template; else the destination's.")


class ConsoleDestination(EachDestination[ConsoleConfig, ConsoleOptions]):
    """Prints ``<destination> <route>: <text>``, at most 2,000 characters; control characters are escaped."""

    name = "console"
    config_model = ConsoleConfig
    options_model = ConsoleOptions
    effect = Effect.APPEND

    async def deliver_one(self, delivery: Delivery[ConsoleOptions]) -> None:
        text = (delivery.options.text or self.config.text).render(delivery.document)
        line = printable(f"{self.context.name} {delivery.route}: {text}")
        try:
            # In a thread: a terminal that was stopped with Ctrl-S would stop the event loop.
            await asyncio.to_thread(_write, line)
        except (OSError, ValueError) as error:
            raise DestinationDownError(f"standard output is closed: {error}") from error


def printable(text: str) -> str:
    r"""One line that cannot move the cursor, colour the terminal or reverse what follows: ``\x1b``, ``\u202e``."""
    safe = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return safe if len(safe) <= _LONGEST_LINE else safe[: _LONGEST_LINE - 1] + "…"


def _write(line: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()
