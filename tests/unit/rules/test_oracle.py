"""Generated patterns against generated documents: the matcher against the specification, the index against both.

The specification is Event Ruler's own definition, written down naively: flatten the event into (field, value, place
in lists), and look for one value per condition such that no two come from different elements of one list.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.rules import Pattern, RouteIndex, explain, parse
from hub.rules.conditions import Condition
from schemas.document import FIELDS

KEYS = st.sampled_from(["a", "b", "c"])
WORDS = st.sampled_from(["", "x", "xy", "yx", "Y", "1", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.9"])
SCALARS = st.one_of(
    WORDS, st.integers(-2, 3), st.sampled_from([1.0, 0.5, -0.0, True, False, None, 2**70, float(2**70)])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
DOTTED_VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.sampled_from(["a.b", "b.a"]), inner, max_size=3)
    ),
    max_leaves=8,
)
TEXT_FIELDS = ["source", "type", "subject"]


def documents(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(TEXT_FIELDS, WORDS), "metadata": values, "data": values})


NUMERIC = st.one_of(
    st.tuples(st.sampled_from(["<", "<=", "=", ">", ">="]), st.integers(-2, 3)).map(list),
    st.tuples(st.sampled_from([">", ">="]), st.integers(-2, 0), st.sampled_from(["<", "<="]), st.integers(1, 3)).map(
        list
    ),
)
WILDCARDS = st.sampled_from(["*", "x*", "*y", "*x*", "x*y", "*x*y*", "x", "*xy"])
ANY_CASE = st.sampled_from(["", "X", "xY", "y", "1"])
TEXTS = st.one_of(
    st.fixed_dictionaries({"prefix": WORDS | st.fixed_dictionaries({"equals-ignore-case": ANY_CASE})}),
    st.fixed_dictionaries({"suffix": WORDS | st.fixed_dictionaries({"equals-ignore-case": ANY_CASE})}),
    st.fixed_dictionaries({"equals-ignore-case": ANY_CASE}),
    st.fixed_dictionaries({"wildcard": WILDCARDS}),
)
NETWORKS = st.sampled_from(["10.0.0.0/8", "10.0.0.0/30", "0.0.0.0/0", "::/0", "2001:db8::/32"])
ENTRIES = st.one_of(
    SCALARS,
    TEXTS,
    st.fixed_dictionaries(
        {"anything-but": st.lists(WORDS, min_size=1) | st.lists(st.integers(-2, 3), min_size=1) | TEXTS}
    ),
    st.fixed_dictionaries({"numeric": NUMERIC}),
    st.fixed_dictionaries({"cidr": NETWORKS}),
    st.fixed_dictionaries({"exists": st.booleans()}),
)
LISTS = st.lists(ENTRIES, min_size=1, max_size=3)


def fields(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEYS, inner, min_size=1, max_size=3)


def disjoint(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with `$or`, whose keys no other in the object has."""
    alternatives = st.lists(st.dictionaries(st.sampled_from(["a", "b"]), inner, min_size=1), min_size=2, max_size=3)
    beside = st.dictionaries(st.just("c"), inner, max_size=1)
    return st.tuples(alternatives, beside, st.booleans()).map(
        lambda made: {"$or": made[0], **made[1]} if made[2] else {**made[1], "$or": made[0]}
    )


NESTED = st.recursive(LISTS, lambda inner: fields(inner) | disjoint(inner), max_leaves=5)
PATTERNS = st.dictionaries(st.sampled_from(TEXT_FIELDS), LISTS, max_size=2).flatmap(
    lambda text: st.dictionaries(
        st.sampled_from(["metadata", "data"]), NESTED, min_size=0 if text else 1, max_size=2
    ).map(lambda nested: {**text, **nested})
)

Place = Mapping[int, int]  # list → the element of it


def flattened(
    value: Any, path: tuple[str, ...], place: Place, lists: Iterator[int]
) -> Iterator[tuple[Any, Any, Place]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(inner, (*path, key), place, lists)
    elif isinstance(value, list):
        number = next(lists)
        for position, inner in enumerate(value):
            # a scalar is tied to the lists around its own, as in Ruler's Event.loadArray
            here = {**place, number: position} if isinstance(inner, dict | list) else place
            yield from flattened(inner, path, here, lists)
    else:
        yield path, value, place


def consistent(places: list[Place]) -> bool:
    joined: dict[int, int] = {}
    return all(
        joined.setdefault(number, position) == position for place in places for number, position in place.items()
    )


def specified(pattern: Pattern, document: Mapping[str, Any]) -> bool:
    return any(all_hold(conditions, document) for conditions in pattern.alternatives)


def all_hold(conditions: tuple[Condition, ...], document: Mapping[str, Any]) -> bool:
    fields = list(flattened(document, (), {}, iter(range(10_000))))
    ways: list[list[Place | None]] = []
    for condition in conditions:
        found: list[Place | None] = [
            place for path, value, place in fields if path == condition.path and condition.accepts(value)
        ]
        ways.append(found + [None] * condition.absent)
    for chosen in product(*ways):
        places = [place for place in chosen if place is not None]
        missing = {condition.path for condition, place in zip(conditions, chosen, strict=True) if place is None}
        if consistent(places) and not any(
            path in missing and consistent([*places, place]) for path, _, place in fields
        ):
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(PATTERNS, documents(VALUES))
def test_matching_is_what_event_ruler_defines(pattern: dict[str, Any], document: dict[str, Any]) -> None:
    parsed = parse(pattern)
    assert parsed.matches(document) == specified(parsed, document)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | PATTERNS, max_size=30), st.lists(documents(DOTTED_VALUES), min_size=1, max_size=5))
def test_the_index_finds_what_asking_every_pattern_finds(
    patterns: list[dict[str, Any] | None], events: list[dict[str, Any]]
) -> None:
    parsed = [None if pattern is None else parse(pattern) for pattern in patterns]
    index = RouteIndex(parsed)
    for document in events:
        assert index.match(document) == [i for i, each in enumerate(parsed) if each is None or each.matches(document)]


@settings(max_examples=300, deadline=None)
@given(PATTERNS, documents(DOTTED_VALUES))
def test_an_explanation_exists_exactly_for_a_mismatch(pattern: dict[str, Any], document: dict[str, Any]) -> None:
    parsed = parse(pattern)
    assert (explain(parsed, document) is None) == parsed.matches(document)


def dotted(pattern: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in pattern.items():
        if key == "$or" and before:  # stays where it is
            return {before.removesuffix("."): dict(pattern)}
        flat |= dotted(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return flat


@settings(max_examples=300, deadline=None)
@given(PATTERNS, documents(DOTTED_VALUES))
def test_dots_and_nesting_mean_the_same(pattern: dict[str, Any], document: dict[str, Any]) -> None:
    assert parse(dotted(pattern)) == parse(pattern)
    assert parse(dotted(pattern)).matches(document) == parse(pattern).matches(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(PATTERNS, min_size=1, max_size=10), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_json_makes_it_raise(patterns: list[dict[str, Any]], document: dict[str, Any]) -> None:
    parsed = [parse(pattern) for pattern in patterns]
    RouteIndex(parsed).match(document)
    explain(parsed[0], document)
