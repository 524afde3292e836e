"""Patterns that cost much more than patterns usually do."""

from hub.lint.cost import SUSPICIOUS
from tests.unit.lint.conftest import FIRST, Found


def _pattern(alternatives: int) -> str:
    one = ", ".join(f"{{type: [x{i}]}}" for i in range(alternatives))
    other = ", ".join(f"{{subject: [y{i}]}}" for i in range(alternatives))
    return f"{{$or: [{one}], metadata: {{$or: [{other.replace('subject', 'a')}]}}}}"


def test_a_pattern_that_multiplies_is_told_with_its_price(found: Found) -> None:
    assert found(f"{{id: a, to: db, when: {_pattern(30)}}}") == [
        (
            f"hub.yaml:{FIRST}: `when` of route `a` costs up to 1,800 questions for an event (at most 10,000 are "
            "allowed), since its `$or` multiply to 900 combinations [costly]\n"
            "  fix: say it in lists of values, which cost one question each, or in several routes"
        )
    ]


def test_a_long_list_is_no_price(found: Found) -> None:
    values = ", ".join(f"x{i}" for i in range(SUSPICIOUS * 2))
    assert found(f"{{id: a, to: db, when: {{type: [{values}]}}}}") == []
