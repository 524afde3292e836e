"""One configured source as the ingress uses it: from a verified request to events."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.api import EventAttributes, Request, Source, Verified
from hub.ingress.evidence import KeptHeaders, content_type, traceparent
from hub.log.naming import UNNAMED, describe, mapped_metadata, stored_id, stored_metadata, stored_text
from schemas.event import Event


class Inlet:
    """``max_header_bytes`` bounds the headers stored with each event."""

    def __init__(self, name: str, source: Source[Any], max_header_bytes: int) -> None:
        self.name = name
        self.source = source
        self.max_body: int = source.config.max_body
        self._mapping = source.config.metadata
        self._kept = KeptHeaders(source.signed_headers, max_header_bytes)

    def events(self, request: Request, verified: Verified, received: datetime) -> Sequence[Event]:
        """What is stored for a request; RefusedError where its signed headers cannot be."""
        evidence = {"scheme": verified.scheme, "key": verified.key}
        if verified.public_key is not None:
            evidence["public_key"] = verified.public_key
        mapped = mapped_metadata(self._mapping, request.parsed_body) if self._mapping else None
        digest = hashlib.sha256(request.body).hexdigest()
        headers = self._kept.select(request.headers)
        media_type = content_type(request.headers)
        trace = traceparent(request.headers)

        def event(attributes: EventAttributes) -> Event:
            event_id = stored_id(attributes.id)
            metadata = {**attributes.metadata, **mapped} if mapped else attributes.metadata
            return Event(
                source=self.name,
                id=event_id,
                type=stored_text(attributes.type or UNNAMED),
                received=received,
                digest=digest,
                body=request.body,
                endpoint=request.endpoint,
                subject=stored_text(attributes.subject) if attributes.subject else None,
                time=attributes.time,
                content_type=media_type,
                metadata=stored_metadata(metadata, self.name, event_id) if metadata else metadata,
                verified=evidence,
                headers=headers,
                traceparent=trace,
            )

        return [event(attributes) for attributes in describe(self.source, request)]
