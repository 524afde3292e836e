"""``hub.yaml`` as people write it: the keys of the file, of a route and of a test.

What stands in ``sources`` and ``destinations`` is validated by the connectors' own models.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from connectors.api import ConfigModel, Duration, Expression, Template
from hub.config.enrichments import EnrichmentsConfig
from hub.config.model import DeliverySettings, LogConfig, Order, RetryConfig, RetryDelays
from hub.config.status import StatusConfig
from schemas.identity import OncePer
from schemas.lane import Lane
from schemas.names import Name


class WrittenFile(ConfigModel):
    """The top level. Keys that begin with ``x-`` are ignored: a place for anchors."""

    version: Literal[1] = Field(description="Version of this format: 1.")
    name: Name = Field("hub", description="Prefix of topics, groups and client ids; two names share nothing.")
    log: LogConfig = Field(LogConfig(), description="How the Kafka topics are made.")
    defaults: DeliverySettings = Field(
        DeliverySettings(), description="Settings for every destination that does not say otherwise."
    )
    retry: RetryDelays = Field(RetryDelays(), description="How long retries wait.")
    status: StatusConfig = Field(StatusConfig(), description="Where the rows live that `hub status` asks.")
    enrichments: EnrichmentsConfig = Field(
        EnrichmentsConfig(), description="What `enrich` of routes fetches, and where that is kept."
    )
    sources: dict[str, Any] = Field(
        {}, title="name → source", description="Where webhooks come from: name → `type` and its options."
    )
    destinations: dict[str, Any] = Field(
        {}, title="name → destination", description="Where events go: name → `type` and its options."
    )
    routes: list[Any] = Field([], title="list of routes", description="Which events go to which destinations.")
    tests: list[Any] = Field(
        [], title="list of tests", description="Which routes an event must match; `hub check` runs them."
    )


_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


PRIORITIES = (Lane.HIGH, Lane.NORMAL, Lane.LOW)


def _a_lane(priority: Template) -> Template:
    if priority.source not in PRIORITIES and "{" not in priority.source:
        known = ", ".join(PRIORITIES)
        raise ValueError(f"{priority.source!r} is no priority; expected {known}, or a template of one of them")
    return priority


def _of_one_subject(once_per: tuple[OncePer, ...]) -> tuple[OncePer, ...]:
    if once_per and OncePer.SUBJECT not in once_per:
        # Duplicates are found within a partition, which the subject decides.
        raise ValueError("must have `subject` among them: only events of one subject are compared")
    return once_per


_Share = float | Annotated[str, Field(pattern=_PERCENT.pattern)]


def _share(value: object) -> object:
    if isinstance(value, str) and (written := _PERCENT.fullmatch(value)):
        return float(written[1]) / 100
    if isinstance(value, str):
        raise ValueError(f"{value!r} is no share; write 0.1 or 10%")
    return value


class WrittenRoute(ConfigModel):
    """One of ``routes``."""

    id: Name = Field(description="Name of the route; part of every delivery's id, so a renamed route is a new one.")
    when: Any = Field(
        None,
        title="pattern",
        description="Pattern an event must match (EventBridge's language). Without it: every event.",
    )
    unless: Any = Field(
        None, title="pattern", description="Pattern of events that the route leaves out, of those that `when` matches."
    )
    sample: Annotated[float | None, Field(ge=0, le=1), BeforeValidator(_share, json_schema_input_type=_Share)] = Field(
        None,
        title="share",
        description="Takes only this share of the events, `0.1` or `10%`, chosen by a hash of the route's and the "
        "event's id: on a replay the same ones, on another route others.",
    )
    stop: bool = Field(
        default=False, description="`true`: what this route takes, routes after it in the file do not get."
    )
    otherwise: bool = Field(
        default=False,
        description="`true`: takes only what no route without `otherwise` takes, wherever it stands in the file.",
    )
    to: Annotated[list[str], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])] = Field(
        min_length=1, title="text or list of text", description="A destination, or a list of them."
    )
    options: dict[str, dict[str, Any]] = Field(
        {},
        alias="with",
        title="destination → options",
        description="Options per destination: destination → what its connector lets a route set.",
    )
    retry: RetryConfig | None = Field(None, description="When to try again; over the destination's own.")
    order: Order = Field(
        Order.SUBJECT,
        description="`subject`: while a delivery waits for another try, later ones of its subject go ahead. `strict`: "
        "they wait, and once the partition's window is full, so does the partition.",
    )
    priority: Annotated[Template, AfterValidator(_a_lane)] = Field(
        Template("normal"),
        title="`high`, `normal`, `low` or template",
        description='Lane of its deliveries, or a template of it: `"{{ metadata.priority }}"`; `normal` for whatever '
        "else it gives.",
    )
    stale_after: Duration | None = Field(
        None,
        description="Discard what is not delivered this long after the hub received it; never a redrive or replay.",
    )
    once_per: Annotated[tuple[OncePer, ...], AfterValidator(_of_one_subject)] = Field(
        (),
        description="Deliver once for all events of a source that agree in these, `[subject, type]`, whatever their "
        "ids: a job's webhook and what `reconcile` found of it are one delivery. Events without a subject count by id.",
    )
    enrich: str | None = Field(
        None,
        description="`gemini-result`: fetch what the event points at before a delivery is made, once for all of them; "
        "templates see it as `result`, and `result_file` says where it is kept.",
    )
    transform: Expression | None = Field(
        None,
        title="JMESPath expression",
        description="Makes what destinations see and send as `data`, `{job: data.id, state: type}`, of the event as "
        "templates see it. The log keeps what was received. A dead letter where it cannot be applied.",
    )
    was: Name | None = Field(
        None,
        description="The id this route had before: its deliveries keep that name, so that a replay delivers nothing "
        "again.",
    )
    enabled: bool = Field(default=True, description="`false` keeps the route in the file and out of the work.")
    description: str = Field("", description="What the route is for.")
    labels: dict[str, str] = Field({}, description="Your own words, such as `team: search`; shown, never acted on.")


class WrittenEvent(ConfigModel):
    """The event of a test, as patterns see it. What is left out, the event does not have."""

    source: str = Field(description="One of `sources`, or `hub` for the hub's own news.")
    endpoint: str = Field("", description="The rest of the path after the source.")
    type: str = Field("", description="Such as `batch.succeeded`.")
    id: str = Field("", description="The sender's id of the event.")
    subject: str = Field("", description="What the event is about; events of one subject stay in order.")
    time: str = Field("", description="RFC 3339.")
    metadata: dict[str, Any] = Field({}, title="name → JSON", description="The metadata the source would find.")
    headers: dict[str, str | list[str]] = Field(
        {}, title="name → text", description="The received headers that are kept as evidence."
    )
    verified: dict[str, Any] = Field({}, title="name → JSON", description="How it was verified, `scheme` and `key`.")
    data: Any = Field(None, title="JSON", description="What the source calls `data`. Without it: taken out of `body`.")
    body: Any = Field(None, title="JSON", description="The parsed body. Without it: made of `data`.")


class WrittenTest(ConfigModel):
    """One of ``tests``."""

    name: str = Field(description="What must be true, as a sentence.")
    event: WrittenEvent = Field(description="The event.")
    expect: list[str] = Field(description="Ids of the routes that match, in the order of the file; [] for none.")
    renders: dict[str, dict[str, dict[str, Any]]] = Field(
        {},
        title="route → destination → option → text",
        description="What templates of expected routes come to for this event: `{failed-jobs: {alerts: {text: …}}}`; "
        "what is left out may be anything.",
    )
    result: Any = Field(
        None, title="JSON", description="What `enrich` fetches for this event, as templates see it; for `renders`."
    )
