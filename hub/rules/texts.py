"""Which of many texts a value begins with, ends with or has in it, without asking each."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Link(Generic[T]):
    """What belongs to a text, and the longest other text that begins it."""

    item: T
    shorter: "_Link[T] | None"


class Beginnings(Generic[T]):
    """Texts of many lengths. The longest one that begins a value is found by halving the lengths, each step one lookup:
    a beginning that is in the table says that longer texts may fit, one that is not that only shorter ones can. So
    asking costs O(log of the number of lengths + answers), however many texts there are.
    """

    def __init__(self, texts: Mapping[str, T]) -> None:
        self._lengths = sorted({len(text) for text in texts})
        self._known: dict[str, _Link[T] | None] = {}
        """Every text, and every beginning of one at which the search for it goes on to longer ones."""
        for text in sorted(texts, key=len):  # so that what is shorter is there already
            self._add(text, _Link(texts[text], self._longest(text)))

    def of(self, value: str) -> Iterator[T]:
        """What belongs to each text that begins the value."""
        link = self._longest(value)
        while link is not None:
            yield link.item
            link = link.shorter

    def _longest(self, value: str) -> _Link[T] | None:
        found: _Link[T] | None = None
        low, high = 0, len(self._lengths)
        while low < high:
            middle = (low + high) // 2
            length = self._lengths[middle]
            beginning = value[:length]
            if length <= len(value) and beginning in self._known:
                found = self._known[beginning] or found
                low = middle + 1
            else:
                high = middle
        return found

    def _add(self, text: str, link: _Link[T]) -> None:
        low, high = 0, len(self._lengths)
        while low < high:
            middle = (low + high) // 2
            length = self._lengths[middle]
            if length > len(text):
                high = middle
                continue
            low = middle + 1
            if length == len(text):
                self._known[text] = link
                return
            if (beginning := text[:length]) not in self._known:
                self._known[beginning] = self._longest(beginning)


_WORD = re.compile(r"[\w-]+")
_RARE = 8
"""So many texts with one word in common need no telling apart here."""
_GRAMS = (8, 4, 2, 1)
"""Lengths of the pieces of texts without a rare word. Few, since each costs a walk over the value."""


class Pieces(Generic[T]):
    """Texts that may stand anywhere in a value. Each is filed under one piece of it, and looked for only in a value
    that has this piece: a whole word where one is rare enough, since a value has few, else a few characters, those that
    fewest others have. So asking costs one lookup for each word or each character of the
    value, and one search per text that has these characters.
    """

    def __init__(self, texts: Mapping[str, T]) -> None:
        words = {text: _whole_words(text) for text in texts}
        shared = Counter(word for each in words.values() for word in each)
        self._words: dict[str, tuple[T, ...]] = {}
        others: dict[str, T] = {}
        for text, item in texts.items():
            rarest = min(words[text], key=shared.__getitem__, default="")
            if rarest and shared[rarest] <= _RARE:
                self._words[rarest] = (*self._words.get(rarest, ()), item)
            else:
                others[text] = item
        self._grams = _by_gram(others)

    def of(self, value: str) -> Iterator[T]:
        """What belongs to each text that is in the value, and to few others."""
        if self._words:
            for word in self._words.keys() & _WORD.findall(value):
                yield from self._words[word]
        for length, filed in self._grams.items():
            for gram in filed.keys() & [value[i : i + length] for i in range(len(value) - length + 1)]:
                yield from (item for text, item in filed[gram] if text in value)


def _whole_words(text: str) -> set[str]:
    """Words that are words of every value that has the text in it: the first and the last may go on there."""
    return {word[0] for word in _WORD.finditer(text) if word.start() > 0 and word.end() < len(text)}


def _by_gram(texts: Mapping[str, T]) -> Mapping[int, Mapping[str, list[tuple[str, T]]]]:
    grams = {text: _grams(text) for text in texts}
    shared = Counter(gram for each in grams.values() for gram in set(each))
    filed: dict[int, dict[str, list[tuple[str, T]]]] = {}
    for text, item in texts.items():
        rarest = min(grams[text], key=shared.__getitem__)
        filed.setdefault(len(rarest), {}).setdefault(rarest, []).append((text, item))
    return filed


def _grams(text: str) -> list[str]:
    length = next(each for each in _GRAMS if each <= len(text))
    return [text[i : i + length] for i in range(len(text) - length + 1)]
