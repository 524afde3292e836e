"""What checking a pattern against one document costs at most, known when the rules are loaded.

Unit: one question to one value. A condition costs one for all its literals together and one for each operator; a
wildcard one for each of its fragments; a list in anything-but one for each of its operators. `$or` is multiplied out,
so that every combination pays for all its conditions.
"""

from collections.abc import Iterable, Sequence

from hub.rules.conditions import Condition, NoneOf, Operator
from hub.rules.wildcards import Wildcard

MAX_COST = 10_000
"""Ten milliseconds of one core or so, where a pattern is made to cost it."""
MAX_COMBINATIONS = 1_000
"""Combinations of the alternatives of all `$or` in a pattern; EventBridge has the same limit."""


def cost(alternatives: Iterable[Sequence[Condition]]) -> int:
    return sum(_of_condition(condition) for conditions in alternatives for condition in conditions)


def _of_condition(condition: Condition) -> int:
    return 1 + sum(map(_of_operator, condition.operators))


def _of_operator(operator: Operator) -> int:
    match operator:
        case Wildcard(fragments):
            return len(fragments)
        case NoneOf(operators):
            return sum(map(_of_operator, operators))
        case _:
            return 1
