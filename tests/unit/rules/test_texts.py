"""Texts that begin values, end them or stand in them, found as if each had been asked."""

import random

import pytest

from hub.rules.texts import Beginnings, Pieces

CHANCE = random.Random(7)  # noqa: S311  # a repeatable choice of test data


def word(alphabet: str, longest: int) -> str:
    return "".join(CHANCE.choice(alphabet) for _ in range(CHANCE.randint(0, longest)))


@pytest.mark.parametrize(("alphabet", "longest"), [("ab", 12), ("abcdef", 5), ("a", 40)])
def test_exactly_the_texts_that_begin_a_value_are_found(alphabet: str, longest: int) -> None:
    texts = {word(alphabet, longest) for _ in range(400)}
    beginnings = Beginnings({text: text for text in texts})
    for _ in range(400):
        value = word(alphabet, longest + 3)
        assert sorted(beginnings.of(value)) == sorted(text for text in texts if value.startswith(text))


@pytest.mark.parametrize(("alphabet", "longest"), [("ab", 12), ("ab-/", 9), ("abcdef/", 20)])
def test_no_text_in_a_value_is_missed(alphabet: str, longest: int) -> None:
    texts = {word(alphabet, longest) for _ in range(400)} - {""}
    pieces = Pieces({text: text for text in texts})
    for _ in range(400):
        value = word(alphabet, 2 * longest)
        assert set(pieces.of(value)) >= {text for text in texts if text in value}


def test_a_text_is_found_by_a_word_only_where_that_is_a_word_of_every_such_value() -> None:
    pieces = Pieces({"/team-1/": 1, "team-2/": 2, "x/team-3": 3, "-4-": 4})
    assert set(pieces.of("a/team-1/b")) == {1}
    assert set(pieces.of("my-team-2/b")) == {2}
    assert set(pieces.of("x/team-31")) == {3}
    assert set(pieces.of("1-4-2")) == {4}
