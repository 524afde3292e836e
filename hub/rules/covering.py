"""What two operators prove of each other: that one accepts all the other does, or that they share nothing.

All answers are sound, none is complete: True is proven for every value there can be, False says nothing.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

from hub.rules.conditions import (
    AnythingBut,
    Condition,
    EqualsIgnoreCase,
    NoneOf,
    Operator,
    Prefix,
    Present,
    Range,
    Scalar,
    Suffix,
    folded,
    value_of,
)
from hub.rules.networks import Network
from hub.rules.wildcards import Wildcard


def accepts_all(condition: Condition, operator: Operator) -> bool:
    """Whether a condition accepts every value that an operator accepts."""
    if isinstance(operator, Range) and operator.low == operator.high:
        return condition.accepts(operator.low)
    return any(_covers(each, operator) or _excludes_none(each, operator, condition) for each in condition.operators)


def share_nothing(one: Operator, other: Operator) -> bool:
    """Whether no value is accepted by both."""
    match one, other:
        case Range(), Range():
            return _is_below(one, other) or _is_below(other, one)
        case Network(), Network():
            return one.version != other.version or one.high < other.low or other.high < one.low
        case (Range(), Prefix() | Suffix() | EqualsIgnoreCase() | Wildcard() | Network()):
            return True
        case (Prefix() | Suffix() | EqualsIgnoreCase() | Wildcard() | Network(), Range()):
            return True
        case EqualsIgnoreCase(a), EqualsIgnoreCase(b):
            return a != b
        case _:
            return any(_part(a, b) for a in _ends(one) for b in _ends(other))


def samples(operator: Operator) -> Iterable[Scalar]:
    """A few values of which it usually accepts one."""
    match operator:
        case Prefix(text) | Suffix(text) | EqualsIgnoreCase(text):
            return (text,)
        case Wildcard(fragments):
            return ("".join(fragments),)
        case Network(version, low):
            return (str(IPv4Address(low) if version == 4 else IPv6Address(low)),)
        case Range(low=low, high=high):
            return (low, high, *_between(low, high))
        case AnythingBut(values):
            return (f"example {number}" for number in range(len(values) + 1))
        case NoneOf() | Present():
            return ("example", "0", 0)


def _covers(wide: Operator, narrow: Operator) -> bool:
    match wide:
        case Present():
            return True
        case Prefix() | Suffix():
            return any(_is_inside(end, wide) for end in _ends(narrow))
        case Range():
            return isinstance(narrow, Range) and _spans(wide, narrow)
        case Network(version, low, high):
            return isinstance(narrow, Network) and (
                version == narrow.version and low <= narrow.low <= narrow.high <= high
            )
        case _:
            return wide == narrow


def _excludes_none(wide: Operator, narrow: Operator, condition: Condition) -> bool:
    """Whether ``anything-but`` leaves out nothing the narrow one accepts, but what the condition accepts anyway."""
    match wide:
        case AnythingBut(values):
            excluded = (value_of(each) for each in values)
            return all(condition.accepts(value) for value in excluded if narrow.accepts(value))
        case NoneOf(excluded_ones) if isinstance(narrow, NoneOf):
            return all(any(_covers(inner, each) for inner in narrow.operators) for each in excluded_ones)
        case NoneOf(excluded_ones):
            return all(share_nothing(each, narrow) for each in excluded_ones)
        case _:
            return False


def _ends(operator: Operator) -> Sequence[Prefix | Suffix]:
    """What every text that an operator accepts begins or ends with; nothing where that is not known."""
    match operator:
        case Prefix() | Suffix():
            return (operator,)
        case EqualsIgnoreCase(text):
            return (Prefix(text, ignore_case=True), Suffix(text, ignore_case=True))
        case Wildcard(fragments):
            return (Prefix(fragments[0]), Suffix(fragments[-1]))
        case _:
            return ()


def _is_inside(narrow: Prefix | Suffix, wide: Prefix | Suffix) -> bool:
    if type(narrow) is not type(wide) or (narrow.ignore_case and not wide.ignore_case):
        return False
    text = folded(narrow.text) if wide.ignore_case else narrow.text
    return text.startswith(wide.text) if isinstance(wide, Prefix) else text.endswith(wide.text)


def _part(one: Prefix | Suffix, other: Prefix | Suffix) -> bool:
    """Whether no text begins, or ends, with both."""
    if type(one) is not type(other):
        return False
    a, b = (folded(each.text) if one.ignore_case or other.ignore_case else each.text for each in (one, other))
    if isinstance(one, Prefix):
        return not a.startswith(b) and not b.startswith(a)
    return not a.endswith(b) and not b.endswith(a)


def _spans(wide: Range, narrow: Range) -> bool:
    low = wide.low < narrow.low or (wide.low == narrow.low and (narrow.low_open or not wide.low_open))
    high = wide.high > narrow.high or (wide.high == narrow.high and (narrow.high_open or not wide.high_open))
    return low and high


def _is_below(one: Range, other: Range) -> bool:
    return one.high < other.low or (one.high == other.low and (one.high_open or other.low_open))


def _between(low: float, high: float) -> list[float]:
    with suppress(OverflowError):  # whole numbers may be larger than any float
        return [low + 1, high - 1, low + (high - low) / 2]
    return []
