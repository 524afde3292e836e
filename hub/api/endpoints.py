"""Every endpoint with its parameters: the application is made of them, and so is the reference."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from hub.api.parameters import SELECTION, SOURCE, TYPE, Given, Parameter, moment, number, seconds
from hub.api.service import Service

LONGEST_WAIT = timedelta(minutes=5)
MOST_LISTED = 1000

Handler = Callable[[Service, Request, Given], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``GET`` on a path."""

    path: str
    handler: Handler
    meaning: str
    parameters: Sequence[Parameter] = ()


_SINCE = Parameter("since", "received since then: a duration before now (`24h`) or RFC 3339", moment)
_AFTER = Parameter("after", "from this position on, which an answer gave in `hub-position`, or a stream as an `id`")

ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        "/events",
        Service.list_events,
        "The newest events of a time range, the newest last: `{events, complete}`. Not `complete`: older ones may "
        "match, but so many had to be looked at that this is the answer",
        (
            *SELECTION,
            Parameter("since", _SINCE.meaning, moment, "24h"),
            Parameter("until", "received before then", moment),
            Parameter("limit", f"so many at most, up to {MOST_LISTED:,}", number(1, MOST_LISTED), "50"),
        ),
    ),
    Endpoint(
        "/events/stream",
        Service.stream,
        "Server-sent events: each event as it comes, for as long as the connection lasts. `Last-Event-ID` goes on "
        "after that one, without gap or repeat; 410 where what followed it is no longer in the log",
        (*SELECTION, Parameter("since", f"{_SINCE.meaning}; from now on unless given", moment), _AFTER),
    ),
    Endpoint(
        "/events/{source}/{id}",
        Service.show,
        "One event's whole life, as `hub events show --json` prints it; 404 where there is none",
    ),
    Endpoint(
        "/wait",
        Service.wait,
        "The event that ends a job, at once if it is in the log, else when it comes; 204 after `timeout`, with "
        "`hub-position` to go on with as `after`",
        (
            Parameter("job", "the job's id, in any of its forms: `batches/123` is `123`"),
            SOURCE,
            Parameter(TYPE.name, f"{TYPE.meaning}; unless given, those that end something", several=True),
            Parameter("since", _SINCE.meaning, moment, "48h"),
            _AFTER,
            Parameter("timeout", "how long to wait, up to 5m", seconds(LONGEST_WAIT), "60s"),
        ),
    ),
    Endpoint("/status", Service.status, "Is all well, what waits where, and why: as `hub status --json` prints it"),
    Endpoint("/readyz", Service.readyz, "200 when Kafka can be read, else 503; needs no token, nor does `/healthz`"),
)


def reference() -> str:
    """The endpoints in Markdown."""
    lines = []
    for endpoint in ENDPOINTS:
        lines += [f"#### `GET {endpoint.path}`", "", f"{endpoint.meaning}.", ""]
        if endpoint.parameters:
            lines += ["| parameter | default | meaning |", "| --- | --- | --- |"]
            lines += [
                f"| `{one.name}` | {f'`{one.default}`' if one.default else ''} | {one.meaning} |"
                for one in endpoint.parameters
            ]
            lines.append("")
    return "\n".join(lines).rstrip()
