"""Server-sent events, as the HTML Living Standard (section 9.2.6) has them read, in whatever pieces they arrive."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.client import sse
from hub.client.sse import Message, Parser, StreamTooLongError

STREAM = (
    "retry: 1000\nid: a\n\n"  # only says how far we are
    ": a comment\n\n"
    'id: b\ndata: {"text": "ä"}\n\n'
    "data: first\r\ndata:second\r\n\r\n"  # two lines; the id stays
    "id: c\nevent: other\nunknown: x\ndata\n\n"
    "id: never dispatched\ndata: cut off"
).encode()
MESSAGES = [
    Message("a", None),
    Message("b", '{"text": "ä"}'),
    Message("b", "first\nsecond"),
    Message("c", ""),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_messages_do_not_depend_on_the_pieces(cuts: list[int]) -> None:
    parser, places = Parser(), [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[begin:end] for begin, end in itertools.pairwise(places)]
    assert [message for piece in pieces for message in parser.feed(piece)] == MESSAGES


def test_what_never_ends_a_line_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MOST_BUFFERED", 100)
    parser = Parser()
    assert parser.feed(b"x" * 100) == []
    with pytest.raises(StreamTooLongError):
        parser.feed(b"x")
