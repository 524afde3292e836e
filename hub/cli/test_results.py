"""Failed tests as ``--json`` prints them."""

from typing import Any

from hub.config.routing_tests import Difference, TestFailure


def failure_json(failure: TestFailure) -> dict[str, Any]:
    """What is other than expected, as ``--json`` prints it."""
    return {
        "expected": list(failure.expected),
        "actual": list(failure.actual),
        "reasons": list(failure.reasons),
        "renders": [_difference_json(each) for each in failure.differences],
    }


def _difference_json(each: Difference) -> dict[str, Any]:
    return {
        "route": each.route,
        "destination": each.destination,
        "option": each.option,
        "expected": each.expected,
        "actual": each.actual,
        "error": each.error,
    }
