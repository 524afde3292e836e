"""What the client asks, and what it makes of answers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from hub.api.endpoints import ENDPOINTS
from hub.client.errors import HubError, HubRefusesError, HubUnavailableError, PositionGoneError
from hub.client.request import Patience, address, events_path, refusal, wait_path

NOTHING: dict[str, Any] = {"source": None, "type": None, "subject": None, "endpoint": None}


def asked(path: str) -> tuple[str, list[tuple[str, str]]]:
    parts = urlsplit(path)
    return parts.path, parse_qsl(parts.query)


def test_the_query_says_what_was_given() -> None:
    path = events_path(
        **{**NOTHING, "type": ["batch.*", "a&b=c"], "subject": "ä/1"}, since=timedelta(hours=1), after=None
    )
    assert asked(path) == (
        "/events/stream",
        [("type", "batch.*"), ("type", "a&b=c"), ("subject", "ä/1"), ("since", "3600.000s")],
    )
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert asked(events_path(**NOTHING, since=at, after=None))[1] == [("since", "2026-01-02T00:00:00+00:00")]
    assert asked(events_path(**NOTHING, since=at, after="p"))[1] == [("after", "p")], "where it was counts"
    assert asked(wait_path("a/b", source=None, type="x", since=None, after=None, seconds=0))[1] == [
        ("job", "a/b"),
        ("type", "x"),
        ("timeout", "0.001s"),
    ]


def test_every_parameter_is_one_the_api_knows() -> None:
    known = {endpoint.path: {one.name for one in endpoint.parameters} for endpoint in ENDPOINTS}
    everything = {"source": "s", "type": "t", "subject": "j", "endpoint": "e"}
    for path in (
        events_path(**everything, since="1h", after=None),
        events_path(**everything, since=None, after="p"),
        wait_path("j", source="s", type="t", since="1h", after=None, seconds=1),
        wait_path("j", source="s", type="t", since=None, after="p", seconds=1),
    ):
        where, pairs = asked(path)
        assert {name for name, _ in pairs} <= known[where]


def test_a_time_without_a_zone_is_not_guessed() -> None:
    with pytest.raises(HubError, match="no time zone"):
        events_path(**NOTHING, since=datetime(2026, 1, 2), after=None)  # noqa: DTZ001  (the point)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, HubRefusesError),
        (401, HubRefusesError),
        (403, HubRefusesError),
        (404, HubRefusesError),
        (410, PositionGoneError),
        (429, HubUnavailableError),
        (500, HubUnavailableError),
        (503, HubUnavailableError),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(status: int, kind: type[HubError]) -> None:
    assert type(refusal(status, b'{"error": "x", "message": "do this"}')) is kind
    assert str(refusal(status, b'{"error": "x", "message": "do this"}')) == "do this"
    assert "is this a hub's api?" in str(refusal(status, b"<html>"))


def test_the_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", "not-to-be-shown-00")
    monkeypatch.setenv("HUB_API", "https://hub.example.com/")
    found = address(None, None)
    assert found.url == "https://hub.example.com"
    assert found.headers == {"authorization": "Bearer not-to-be-shown-00"}
    assert "not-to-be-shown" not in repr(found)
    with pytest.raises(HubError, match="is no URL"):
        address("hub:8081", None)


def test_patience_ends_and_an_answer_renews_it() -> None:
    away = HubUnavailableError("away")
    impatient = Patience(-1.0)
    with pytest.raises(HubUnavailableError):
        impatient.pause(away)
    patient = Patience(3600.0)
    pauses = [patient.pause(away) for _ in range(20)]
    assert max(pauses) <= 10.0
    assert pauses[8] > pauses[0]
    patient.answered()
    assert patient.pause() <= 0.25
