"""The Gemini API through its client: what errors say, how far a listing is read, what ended jobs become."""

import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from connectors.api import SenderApiError, UnknownRegistrationError
from connectors.sources.gemini import jobs_api
from connectors.sources.gemini.account import GeminiAccount
from connectors.sources.gemini.ended import ended_batch, ended_interaction, ended_video
from connectors.sources.gemini.events import TERMINAL_TYPES
from connectors.sources.gemini.webhooks_api import GeminiWebhooks
from schemas.gemini import VideoGenerated, parse
from tests.fixtures.endpoint import Endpoint, answers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = SecretStr("the-api-key")


async def test_without_a_key_it_is_said_where_one_belongs() -> None:
    with pytest.raises(SenderApiError, match="GEMINI_API_KEY"):
        await GeminiWebhooks(GeminiAccount(None, None)).all()


async def test_without_the_client_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.genai", None)
    monkeypatch.delattr("google.genai", raising=False)
    with pytest.raises(SenderApiError, match=r"pip install 'event-hub\[gemini\]'"):
        await GeminiWebhooks(GeminiAccount(KEY, None)).all()


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [(403, SenderApiError, "check `api_key`"), (404, UnknownRegistrationError, "404"), (500, SenderApiError, "500")],
)
async def test_a_refusal_says_what_to_do_and_a_call_with_an_effect_is_made_once(
    status: int, kind: type[Exception], hint: str
) -> None:
    async with Endpoint() as api:
        api.scripts += [answers(status)] * 9
        webhooks = GeminiWebhooks(GeminiAccount(KEY, api.url.rstrip("/")))
        with pytest.raises(kind, match=hint) as raised:
            await webhooks.create("https://hub.example.com/in/gemini", ["batch.failed"])
        assert KEY.get_secret_value() not in str(raised.value)
        assert len(api.received) == 1
        with pytest.raises(kind, match=hint):
            await webhooks.rotate("id", revoke=False)
        assert len(api.received) == 2


async def test_an_api_that_cannot_be_reached_is_said_to_be_so() -> None:
    with pytest.raises(SenderApiError, match="gave no answer"):
        await GeminiWebhooks(GeminiAccount(KEY, "http://127.0.0.1:1")).ping("id")


class Pager:
    """As the client's: ``pages`` of creation times in hours before noon; ``read`` counts those that were asked for."""

    def __init__(self, *pages: list[int]) -> None:
        self._pages = pages
        self.read = 1

    @property
    def page(self) -> list[Any]:
        return [self._job(hours) for hours in self._pages[self.read - 1]]

    def next_page(self) -> None:
        if self.read == len(self._pages):
            raise IndexError("No more pages to fetch.")
        self.read += 1

    def _job(self, hours: int) -> Any:
        created = NOON - timedelta(hours=hours)
        state = SimpleNamespace(value="JOB_STATE_SUCCEEDED")
        name = f"batches/{hours}"
        return SimpleNamespace(
            name=name, state=state, create_time=created, end_time=created, update_time=None, dest=None
        )


@pytest.mark.parametrize(
    ("pages", "read"),
    [
        (([1, 2], [3, 200], [300, 301]), 2),  # newest first: what follows is older still
        (([301, 300], [200, 3], [2, 1]), 3),  # oldest first: to the end
        (([300, 1], [3, 200], [2, 301]), 3),  # no order: to the end
    ],
)
def test_batches_are_listed_until_none_can_have_ended_since(pages: tuple[list[int], ...], read: int) -> None:
    pager = Pager(*pages)
    client: Any = SimpleNamespace(batches=SimpleNamespace(list=lambda **_: pager))
    found = jobs_api._batches(client, NOON - timedelta(hours=48))
    assert {ended.name for ended in found} == {"batches/1", "batches/2", "batches/3"}
    assert pager.read == read


def test_the_event_of_a_job_is_the_same_however_often_it_is_asked_for() -> None:
    first, second = (ended_batch("batches/1", "JOB_STATE_SUCCEEDED", NOON, "files/1") for _ in range(2))
    assert first is not None
    assert second is not None
    event = first.event()
    assert event == second.event()
    assert (event.attributes.id, event.attributes.subject) == ("reconciled:1:batch.succeeded", "1")
    assert orjson.loads(event.body) == {
        "type": "batch.succeeded",
        "version": "v1",
        "timestamp": "2026-01-01T12:00:00Z",
        "data": {"id": "batches/1", "output_file_uri": "files/1"},
    }


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("JOB_STATE_PARTIALLY_SUCCEEDED", "batch.succeeded"),
        ("JOB_STATE_FAILED", "batch.failed"),
        ("JOB_STATE_CANCELLED", "batch.cancelled"),
        ("JOB_STATE_EXPIRED", "batch.expired"),
        ("JOB_STATE_RUNNING", None),
        ("JOB_STATE_CANCELLING", None),
        ("a state of tomorrow", None),
    ],
)
def test_a_batch_has_ended_by_its_state(state: str, kind: str | None) -> None:
    ended = ended_batch("batches/1", state, NOON, None)
    assert (ended and ended.type) == kind
    assert kind is None or kind in TERMINAL_TYPES


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("completed", "interaction.completed", None),
        ("cancelled", "interaction.cancelled", None),
        ("failed", "interaction.failed", "QUOTA"),
        ("budget_exceeded", "interaction.failed", "QUOTA"),
        ("requires_action", None, None),
        ("in_progress", None, None),
    ],
)
def test_an_interaction_has_ended_by_its_status(status: str, kind: str | None, code: str | None) -> None:
    errors = [{"code": "QUOTA", "message": "used up"}]
    metadata = {"user_metadata": {"team": "search"}}
    shown = {"id": "v1_a", "status": status, "updated": "2026-01-01T12:00:00Z", "errors": errors}
    ended = ended_interaction({**shown, "webhook_config": metadata})
    assert (ended and ended.type) == kind
    if ended is not None:
        event = ended.event()
        assert event.attributes.metadata == {"team": "search"}
        assert orjson.loads(event.body)["data"].get("error_code") == code
        assert event.ended == NOON


def test_a_video_is_told_of_as_its_webhook_would_and_its_failure_all_the_same() -> None:
    uri = "https://api/v1beta/files/abc:download?alt=media"
    made = parse(ended_video("models/veo/operations/1", None, uri).event().body)
    assert isinstance(made, VideoGenerated)
    assert (made.data.output_file_uri, made.data.file_name, made.job) == (uri, "files/abc", "1")
    failed = ended_video("models/veo/operations/1", {"code": 13, "message": "no"}, None)
    assert failed.type in TERMINAL_TYPES
    assert orjson.loads(failed.event().body)["data"]["error_message"] == "no"
