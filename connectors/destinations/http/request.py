"""From a delivery to the request that is sent for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from multidict import CIMultiDict
from yarl import URL

from connectors.api import BadRecordError, Delivery, Template
from connectors.destinations.http.attributes import cloudevents_headers, header_text
from connectors.destinations.http.config import HttpConfig, HttpOptions, basic_authorization, parsed_url
from connectors.destinations.http.signing import Signer

LONGEST_HEADER = 8_000
"""Bytes of a header of the author's. Most servers take no longer one, and many just end the connection then."""

# Not aiohttp's own offer of gzip: an answer is read as it comes, and no small one can unfold into a large one.
_ALWAYS: Mapping[str, str] = {"User-Agent": "event-hub", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """One attempt, ready to send. Only the body and the names of the headers are no secrets."""

    method: str
    url: URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


class RequestFactory:
    """Immutable; used concurrently."""

    def __init__(self, config: HttpConfig) -> None:
        self._method = config.method
        url = parsed_url(config.url)
        authorization = basic_authorization(url)
        self._always = {**_ALWAYS, "Authorization": authorization} if authorization else _ALWAYS
        self._url = url.with_user(None)
        self._signer = Signer(config.secrets or ())
        self._headers = {name: Template(value.get_secret_value()) for name, value in config.headers.items()}
        self._cloudevents = config.cloudevents
        self._body = config.body

    def prepare(self, delivery: Delivery[HttpOptions], now: datetime) -> PreparedRequest:
        """The request of an attempt made at ``now``.

        Raises:
            BadRecordError: a template cannot be rendered with this event.
        """
        template = delivery.options.body or self._body
        body = template.render(delivery.document) if template else delivery.sent.body
        content = {"Content-Type": template.content_type} if template else _content_headers(delivery)
        own = {name: _rendered(name, value, delivery) for name, value in self._headers.items()}
        attributes = cloudevents_headers(delivery.event) if self._cloudevents else {}
        headers: CIMultiDict[str] = CIMultiDict()
        for layer in (self._always, content, own, attributes, self._signer.headers(delivery.key, body, now)):
            headers.update(layer)  # a later one wins, whatever the case of its name
        return PreparedRequest(self._method, self._url, headers, body)


def _content_headers(delivery: Delivery[HttpOptions]) -> dict[str, str]:
    """What says how to read the bytes, as their sender said it."""
    event = delivery.sent
    encodings = [value for name, value in event.headers if name == "content-encoding"]
    headers = {"Content-Encoding": header_text(", ".join(encodings))} if encodings else {}
    return {"Content-Type": event.content_type, **headers} if event.content_type else headers


def _rendered(name: str, template: Template, delivery: Delivery[HttpOptions]) -> str:
    try:
        value = template.render(delivery.document, header_text).strip()
    except BadRecordError:  # it quotes the template, which is a secret
        raise BadRecordError(f"the template of the header {name} cannot be rendered for this event") from None
    if len(value) > LONGEST_HEADER:
        raise BadRecordError(f"the header {name} takes {len(value):,} bytes, at most {LONGEST_HEADER:,} can be sent")
    return value
