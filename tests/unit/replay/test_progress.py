"""The file a replay goes on from."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.replay.matching import Mark, advanced
from hub.replay.progress import Replay, ReplayFiles, UnknownReplayError, new_id

NOW = datetime(2026, 2, 1, 12, 30, 0, 123000, tzinfo=UTC)
REPLAY = Replay(
    id="0123456789ab",
    hub="hub",
    route="orders",
    destinations=("db", "out"),
    where={"type": ["a", {"prefix": "b"}]},
    since=NOW,
    until=NOW,
    revision="abc",
    began=NOW,
    spans={0: range(5, 10), 1: range(0)},
    left={0: range(7, 10), 1: range(0)},
    written=4,
)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    files = ReplayFiles(tmp_path)
    files.save(REPLAY)
    files.save(replace(REPLAY, written=9))
    assert files.load(REPLAY.id) == replace(REPLAY, written=9)
    assert [path.name for path in files.path(REPLAY.id).parent.iterdir()] == ["0123456789ab.json"]


def test_a_replay_is_finished_when_nothing_is_left() -> None:
    assert not REPLAY.finished
    assert advanced(REPLAY, Mark({0: 9}, 2, 4)) == replace(REPLAY, left={0: range(9, 10), 1: range(0)}, written=8)
    assert advanced(REPLAY, Mark({0: 10, 1: 0}, 3, 6)).finished
    assert advanced(REPLAY, Mark({0: 6}, 1, 1)).left == REPLAY.left  # nothing goes back


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "id": "0123456789ab"}', "\xff"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    files = ReplayFiles(tmp_path)
    files.save(REPLAY)
    files.path(REPLAY.id).write_text(text)
    with pytest.raises(UnknownReplayError, match=r"0123456789ab\.json cannot be read"):
        files.load(REPLAY.id)


@pytest.mark.parametrize("name", ["ffffffffffff", "../../secret", ""])
def test_an_unknown_replay_names_those_that_are_known(tmp_path: Path, name: str) -> None:
    files = ReplayFiles(tmp_path)
    with pytest.raises(UnknownReplayError, match="only none"):
        files.load(name)
    files.save(REPLAY)
    with pytest.raises(UnknownReplayError, match="only 0123456789ab"):
        files.load(name)


def test_ids_are_12_hex_digits_and_differ() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(each) for each in ids} == {12}
    assert replace(REPLAY, id="00aa").run == "p00aa"
