"""The public door for connector plugins: everything a source or a destination needs, and nothing of the hub.

Register a class by the entry points ``hub.sources`` or ``hub.destinations``; the built-in ones do the same.
"""

from connectors.archive import ArchivedObject, ArchiveReader, ArchiveUnreadableError
from connectors.context import Context, HubKafka
from connectors.destination import (
    Batch,
    BatchDestination,
    CollectingDestination,
    Collection,
    CollectionLimits,
    Delivery,
    Destination,
    EachDestination,
    Effect,
    Outcomes,
    Span,
)
from connectors.enrichment import Enricher, Enrichment, FetchLimits, Result
from connectors.errors import (
    BadRecordError,
    BadSignatureError,
    DeliveryError,
    DestinationDownError,
    DestinationGoneError,
    KeysUnavailableError,
    MalformedRequestError,
    RetryableError,
    ThrottledError,
    VerificationError,
)
from connectors.expression import Expression
from connectors.model import ConfigModel, DestinationConfig, Options, Secrets, SignedSourceConfig, SourceConfig
from connectors.outgoing import ForbiddenAddressError, OutgoingHttp, RedirectRefusedError
from connectors.reconciliation import EndedJob, ReconcileConfig, Reconciler
from connectors.registration import Registrar, Registration, SenderApiError, SigningSecret, UnknownRegistrationError
from connectors.sample import SampleSender
from connectors.source import API_VERSION, Reply, Request, Source, Verified
from connectors.template import Renderable, Template
from connectors.variable import DefaultVariable
from schemas.document import Document
from schemas.event import Event, EventAttributes
from schemas.exact_json import dumps
from schemas.identity import DeliveryKey
from schemas.quantities import Duration, Size

__all__ = [
    "API_VERSION",
    "ArchiveReader",
    "ArchiveUnreadableError",
    "ArchivedObject",
    "BadRecordError",
    "BadSignatureError",
    "Batch",
    "BatchDestination",
    "CollectingDestination",
    "Collection",
    "CollectionLimits",
    "ConfigModel",
    "Context",
    "DefaultVariable",
    "Delivery",
    "DeliveryError",
    "DeliveryKey",
    "Destination",
    "DestinationConfig",
    "DestinationDownError",
    "DestinationGoneError",
    "Document",
    "Duration",
    "EachDestination",
    "Effect",
    "EndedJob",
    "Enricher",
    "Enrichment",
    "Event",
    "EventAttributes",
    "Expression",
    "FetchLimits",
    "ForbiddenAddressError",
    "HubKafka",
    "KeysUnavailableError",
    "MalformedRequestError",
    "Options",
    "Outcomes",
    "OutgoingHttp",
    "ReconcileConfig",
    "Reconciler",
    "RedirectRefusedError",
    "Registrar",
    "Registration",
    "Renderable",
    "Reply",
    "Request",
    "Result",
    "RetryableError",
    "SampleSender",
    "Secrets",
    "SenderApiError",
    "SignedSourceConfig",
    "SigningSecret",
    "Size",
    "Source",
    "SourceConfig",
    "Span",
    "Template",
    "ThrottledError",
    "UnknownRegistrationError",
    "VerificationError",
    "Verified",
    "dumps",
]
