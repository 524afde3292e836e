"""JSON whose whole numbers stay exact, whatever their size and however they are written.

``orjson`` makes floats of integers beyond 64 bits, and refuses what no float can hold. Bodies have such numbers (ids
of other systems, amounts in the smallest unit), and an id that is rounded is another id. So ``loads`` looks, at the
price of one pass over the bytes, whether there can be one, and only then reads the text a second time.
"""

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    if character in "eE":
        return "e"
    return "." if character == "." else "," if character in ",]} \t\r\n" else "x"


# For bytes.translate: digits, the letter of an exponent, the point, what can follow a number, and the rest.
_KINDS = bytes(ord(_kind(chr(byte) if byte < 128 else "x")) for byte in range(256))
_LONG = b"0" * 16
_LONG_BEFORE_POINT = _LONG + b"."
_INTEGER = b"0" * 19
_EXPONENTS = (b"e0,", b"e00,", b"e000,")
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
_FORM = re.compile(r"-?(?P<digits>0|[1-9][0-9]*)(\.[0-9]+)?([eE](?P<exponent>[+-]?[0-9]+))?")
_SHORT = 8
"""Characters of an exponent; longer ones are not even read."""
_EXACT_AS_FLOAT = 2**53
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_DEEPEST_WRITTEN = 254
MAX_DIGITS = 4_000
"""Of one number: Python refuses to read longer integers, since that takes quadratic time."""


def loads(data: bytes) -> Any:
    """As `orjson.loads`, with every whole number as an exact `int`, unless a float holds it exactly; others as floats.

    Raises:
        orjson.JSONDecodeError (a ValueError): not JSON, or a number of more than 4,000 digits.
    """
    if not _may_be_inexact(data):
        return orjson.loads(data)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return orjson.loads(data)  # which says what is wrong
    value = orjson.loads(_TOKENS.sub(_within_reach, text))  # says whether it is JSON
    try:
        return json.loads(text, parse_int=int, parse_float=number)
    except RecursionError:  # deeper than Python's own parser goes
        return value


def dumps(value: Any, option: int | None = None) -> bytes:
    """As `orjson.dumps`, with integers of any size.

    Raises:
        orjson.JSONEncodeError (a TypeError): something in it that JSON has no word for.
    """
    try:
        return orjson.dumps(value, option=option)
    except orjson.JSONEncodeError:
        return orjson.dumps(_spelled_out(value, 0), option=option)


def restore(data: bytes) -> Any:
    """Undo `dumps`: floats stay floats, of whatever size.

    Raises:
        ValueError: not JSON.
    """
    value = orjson.loads(data)
    return json.loads(data, parse_int=int) if _INTEGER in data.translate(_KINDS) else value


def number(text: str) -> int | float:
    """The value of a JSON number that has a point or an exponent; infinite where it has more than 4,000 digits. What is
    no number at all (``inf``, ``nan``) is as `float` has it.
    """
    approximate = float(text)
    if abs(approximate) < _EXACT_AS_FLOAT or not any(character.isdigit() for character in text):
        return approximate
    try:
        exact = Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits
        return approximate
    if exact.adjusted() > MAX_DIGITS:  # a few bytes can name a number that fills the memory
        return approximate
    whole = int(exact)
    return whole if whole == exact else approximate


def _may_be_inexact(data: bytes) -> bool:
    kinds = data.translate(_KINDS, delete=b"+")
    if _LONG in kinds and (_INTEGER in kinds or _LONG_BEFORE_POINT in kinds):
        return True
    return b"0e0" in kinds and any(end in kinds + b"," for end in _EXPONENTS)


def _within_reach(token: re.Match[str]) -> str:
    """A number that no float holds, such as 1e400, gives way to one that does: only its form is to be judged."""
    text = token[0]
    form = None if text[0] == '"' else _FORM.fullmatch(text)
    if form is None or math.isfinite(float(text)):
        return text
    exponent = form["exponent"] or "0"
    readable = len(exponent) < _SHORT and len(form["digits"]) + int(exponent) <= MAX_DIGITS
    return "0" if readable else text


def _spelled_out(value: Any, depth: int) -> Any:
    """With every integer that orjson refuses as the text it is to write."""
    if depth > _DEEPEST_WRITTEN:
        return value
    match value:
        case dict():
            return {key: _spelled_out(inner, depth + 1) for key, inner in value.items()}
        case list() | tuple():
            return [_spelled_out(inner, depth + 1) for inner in value]
        case int() if not _SMALLEST <= value <= _LARGEST:
            return orjson.Fragment(str(value))
        case _:
            return value
