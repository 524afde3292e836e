"""The answers that documentation defines, given by the pattern and by the index; what the table in the README says."""

from collections import Counter
from typing import Any

import orjson
import pytest

from hub.rules import RouteIndex, parse
from hub.rules.operators import LANGUAGE, NAMES, Definition
from tests.unit.rules.documented import Case, Defined, cases

CASES = list(cases())
BESIDE = [parse({"data": {"x": [f"other {i}"]}}) for i in range(10)]
"""So many that the index has to divide them."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_documented_answer(case: Case) -> None:
    pattern = parse(case.when)
    assert pattern.matches(case.event) == case.matches
    assert RouteIndex([*BESIDE, pattern]).match(case.event) == ([len(BESIDE)] if case.matches else [])


def test_every_operator_has_cases_from_public_documentation_of_both_answers() -> None:
    public = Counter(
        (case.operator, case.matches) for case in CASES if case.defined not in {Defined.OURS, Defined.BY_VALUE}
    )
    assert all(public[name, matches] >= 2 for name in (*NAMES, "values", "$or") for matches in (True, False))


@pytest.mark.parametrize("definition", LANGUAGE, ids=lambda each: each.name)
def test_the_table_of_the_language_is_true(definition: Definition) -> None:
    pattern = parse({"data": {"x": [definition.entry]}})
    assert [value for value in definition.accepted if not pattern.matches({"data": {"x": value}})] == []
    assert [value for value in definition.refused if pattern.matches({"data": {"x": value}})] == []


def test_the_table_of_the_language_names_every_operator() -> None:
    written = " ".join(f"{each.name} {orjson.dumps(each.entry).decode()}" for each in LANGUAGE)
    assert [name for name in NAMES if name not in written] == []


def test_a_label_key_with_dots_is_found_however_it_was_written() -> None:
    pattern = parse({"metadata": {"app.kubernetes.io/name": ["api"]}})
    assert pattern.matches({"metadata": {"app.kubernetes.io/name": "api"}})
    assert pattern.matches({"metadata": {"app": {"kubernetes": {"io/name": "api"}}}})


def test_patterns_are_values() -> None:
    one, same, other = parse({"type": ["a"]}), parse({"type": ["a"]}), parse({"type": ["b"]})
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "type"
    assert repr(one) == "Pattern({'type': ['a']})"
    either: dict[str, Any] = {"$or": [{"type": ["a"]}, {"id": ["b"]}]}
    assert parse(either) == parse(either)
    assert repr(parse(either)) == "Pattern({'type': ['a']} or {'id': ['b']})"
