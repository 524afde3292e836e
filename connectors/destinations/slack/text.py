"""Event text inside a Slack message: readable, and without power."""

import re

MAX_TEXT = 40_000
"""Slack cuts a longer message by itself, in the Web API with an error (``msg_too_long``)."""

_WORD_JOINER = "\u2060"  # invisible, and no part of any name
_MENTION = re.compile(r"^[!@]|@(?=(?:channel|here|everyone|all)\b)", re.IGNORECASE)
_CUT_ENTITY = re.compile(r"&[a-z]{0,3}\Z")


def escaped(text: str) -> str:
    """A value of the event: it can mention nobody, make no link and no markup that does more than *look*.

    ``& < >`` become entities, as Slack asks, so that ``<!channel>`` is just text. Behind an ``@`` or ``!`` that
    could mention somebody stands an invisible word joiner: for a template such as ``<{{ data.url }}|open>`` into
    which an event puts ``!channel``, and for compatible servers that know a bare ``@channel``. Asterisks,
    underscores and backticks stay: they only change how the event's own words look, and ids are full of them.
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MENTION.sub(lambda match: match[0] + _WORD_JOINER, text)


def shortened(text: str) -> str:
    """At most MAX_TEXT characters; what is cut ends with an ellipsis, never within an entity."""
    if len(text) <= MAX_TEXT:
        return text
    return _CUT_ENTITY.sub("", text[: MAX_TEXT - 1]) + "…"
