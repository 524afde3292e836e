"""The account of the Gemini API: its options, and the official client, which is imported when it is first needed."""

import asyncio
import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.registration import SenderApiError, UnknownRegistrationError

if TYPE_CHECKING:
    from google import genai

AnswerT = TypeVar("AnswerT")

_TIMEOUT_MS = 30_000
_NOT_FOUND = 404
_REFUSED_KEY = {401, 403}
_INSTALL = "the official client is not installed; run `pip install 'event-hub[gemini]'`"


def check_url(url: str, *, path: bool = True) -> str:
    """The URL without a slash at its end.

    Raises:
        ValueError: it is not https, nor http on this machine; or has a query.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        assert parts.port != 0
    except (ValueError, AssertionError):
        raise ValueError("it is no URL; it looks like https://hub.example.com") from None
    if not host or parts.query or parts.fragment or parts.username is not None or (parts.path.strip("/") and not path):
        raise ValueError("write scheme and host, https://hub.example.com, and perhaps a path; nothing else")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise ValueError("it must be https:// (http:// is for this machine only: the emulator)")
    return url.rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class GeminiAccount:
    """Calls of the official client, each in a thread. Made without a call; a client is made for each call, so that
    nothing is to be closed.
    """

    def __init__(self, api_key: SecretStr | None, base_url: str | None) -> None:
        self._api_key = api_key
        self._base_url = base_url

    async def call(self, ask: Callable[["genai.Client"], AnswerT], *, repeat: bool = True) -> AnswerT:
        """What ``ask`` returns. ``repeat`` lets the client try again what failed for a moment: never for a call that,
        made twice, has two effects.

        Raises:
            SenderApiError: the client is missing, there is no key, or the API refused or did not answer.
        """
        return await asyncio.to_thread(self._call, ask, repeat)

    def _call(self, ask: Callable[["genai.Client"], AnswerT], repeat: bool) -> AnswerT:  # noqa: FBT001  (by to_thread)
        if self._api_key is None:
            raise SenderApiError("there is no API key; set GEMINI_API_KEY, or `api_key` of the source in hub.yaml")
        try:
            from google import genai  # noqa: PLC0415  (an optional dependency, and slow to import)
            from google.genai import types  # noqa: PLC0415
        except ImportError as error:
            raise SenderApiError(_INSTALL) from error
        retries = types.HttpRetryOptions(attempts=3 if repeat else 1, initial_delay=0.5)
        options = types.HttpOptions(base_url=self._base_url, timeout=_TIMEOUT_MS, retry_options=retries)
        client = genai.Client(api_key=self._api_key.get_secret_value(), vertexai=False, http_options=options)
        try:
            return ask(client)
        except Exception as error:  # the client's own are of two families, one of them in a private module
            raise self._translated(error) from error
        finally:
            client.close()

    def _translated(self, error: Exception) -> SenderApiError:
        code = getattr(error, "status_code", None) or getattr(error, "code", None)
        if not isinstance(code, int):
            where, what = self._base_url or "the Gemini API", f"{type(error).__name__}: {error}"
            return SenderApiError(f"{where} gave no answer that can be used ({what}); check the network, and try again")
        text = f"the Gemini API answered {code}: {getattr(error, 'message', None) or error}"
        if code in _REFUSED_KEY:
            return SenderApiError(f"{text}; check `api_key` (GEMINI_API_KEY)")
        return UnknownRegistrationError(text) if code == _NOT_FOUND else SenderApiError(text)
