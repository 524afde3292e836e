r"""The values of record headers: text and JSON as CloudEvents wants them, lossless, within their budgets.

CloudEvents strings hold no control characters and no noncharacters (spec 1.0.2, section "Type System"), and Kafka
header values are UTF-8 (Kafka protocol binding 1.0.2, section 3.2.3.2). Senders are not so careful:

- In plain text (an id, a subject) such a character is written as ``%`` and two upper-case hex digits per UTF-8 byte;
  so is a ``%`` that would otherwise read as such an escape. All other text, ``50%`` included, stays as it is.
- In JSON (metadata, evidence, headers) it is written as ``\uXXXX``, which every JSON parser undoes.
"""

import re
from datetime import UTC, datetime
from typing import Any

import orjson

from schemas.exact_json import dumps

TEXT_BUDGET = 4_000
"""Bytes of one plain-text attribute. An id may be three times as long again inside the delivery's id."""

METADATA_BUDGET = 8_000
EVIDENCE_BUDGET = 8_000
HEADERS_BUDGET = 16_000
ERROR_BUDGET = 1_000

_FORBIDDEN = "\x00-\x1f\x7f-\x9f\ufdd0-\ufdef" + "".join(
    f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17)
)
_ESCAPED_IN_TEXT = re.compile(f"[{_FORBIDDEN}]|%(?=[0-9A-F]{{2}})")
_ESCAPED_IN_JSON = re.compile(f"[{_FORBIDDEN}]")
_ESCAPES = re.compile("(?:%[0-9A-F]{2})+")


class UnencodableEventError(ValueError):
    """An attribute cannot be stored: too large, empty where CloudEvents forbids it, or not Unicode text.

    The sender's fault: the ingress answers 4xx, and repeating does not help. ``attribute`` names it.
    """

    def __init__(self, attribute: str, problem: str) -> None:
        super().__init__(f"the event's {attribute} {problem}")
        self.attribute = attribute


def encode_text(attribute: str, text: str, budget: int = TEXT_BUDGET) -> bytes:
    """Raises UnencodableEventError: over the budget (in bytes as stored), or a lone surrogate in it."""
    if "%" in text or not text.isprintable():
        text = _ESCAPED_IN_TEXT.sub(_percent, text)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise UnencodableEventError(attribute, "is not Unicode text: it holds a lone surrogate") from None
    if len(data) > budget:
        raise UnencodableEventError(attribute, f"takes {len(data):,} bytes; at most {budget:,} can be stored")
    return data


def decode_text(data: bytes) -> str:
    """Raises ValueError: not UTF-8, or escapes that are none."""
    text = data.decode()
    return _ESCAPES.sub(_unpercent, text) if "%" in text else text


def truncate_text(text: str, budget: int) -> str:
    """The longest beginning of a text that `encode_text` stores within the budget; lone surrogates become ``?``."""
    if text.isascii() and text.isprintable() and "%" not in text:
        return text[:budget]
    text = text.encode(errors="replace").decode()
    used = 0
    for position, character in enumerate(text):
        # A "%" is counted as if it were escaped: whether it is depends on what follows.
        used += 3 if character == "%" else len(encode_text("text", character))
        if used > budget:
            return text[:position]
    return text


def encode_json(attribute: str, value: Any, budget: int) -> bytes:
    """Raises UnencodableEventError: over the budget, or something in it that JSON has no word for."""
    try:
        data = dumps(value)
    except orjson.JSONEncodeError as error:
        raise UnencodableEventError(attribute, f"is not JSON: {error}") from None
    if not data.isascii() or b"\x7f" in data:
        data = _ESCAPED_IN_JSON.sub(_unicode_escape, data.decode()).encode()
    if len(data) > budget:
        raise UnencodableEventError(attribute, f"takes {len(data):,} bytes; at most {budget:,} can be stored")
    return data


def encode_time(time: datetime) -> bytes:
    """RFC 3339 in UTC, to the microsecond. The time must be timezone-aware."""
    if time.tzinfo is not UTC:
        if time.tzinfo is None:
            raise ValueError(f"{time!r} has no time zone")
        time = time.astimezone(UTC)
    return (time.isoformat()[:-6] + "Z").encode()  # without "+00:00"


def decode_time(data: bytes) -> datetime:
    return datetime.fromisoformat(data.decode())


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def _unpercent(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("%", "")).decode()


def _unicode_escape(match: re.Match[str]) -> str:
    utf16 = match[0].encode("utf-16-be")
    return "".join(f"\\u{utf16[at]:02x}{utf16[at + 1]:02x}" for at in range(0, len(utf16), 2))
