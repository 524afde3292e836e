"""The event of a job that a sender's API says has ended: as the ingress would have stored its webhook (pure)."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import orjson

from connectors.api import EndedJob, Expression
from hub.log.naming import mapped_metadata, stored_metadata, stored_text
from schemas.event import Event

SCHEME = "reconciled"
"""In place of a signature's name in the evidence: the API said so to us, nobody signed it."""


def reconciled_event(job: EndedJob, source: str, mapping: Mapping[str, Expression], received: datetime) -> Event:
    """``mapping`` is the source's ``metadata`` option. The same job gives the same event, but for ``received``: its
    deliveries have the same ids.
    """
    attributes = job.attributes
    assert attributes.id
    assert attributes.subject
    event_id = stored_text(attributes.id)
    metadata = {**attributes.metadata, **mapped_metadata(mapping, orjson.loads(job.body))}
    return Event(
        source=source,
        id=event_id,
        type=stored_text(attributes.type),
        received=received,
        digest=hashlib.sha256(job.body).hexdigest(),
        body=job.body,
        subject=stored_text(attributes.subject),
        time=attributes.time,
        content_type="application/json",
        metadata=stored_metadata(metadata, source, event_id),
        verified={"scheme": SCHEME},
    )
