"""Whether an address leads to a hub that has this source, seen from here."""

from datetime import timedelta

import aiohttp
import orjson

from connectors.api import OutgoingHttp, RedirectRefusedError

_TIMEOUT = timedelta(seconds=15)
_METHOD_NOT_ALLOWED = 405
_ANSWER_BYTES = 10_000


async def unreachable(url: str) -> str | None:
    """Why ``url``, which ends with ``/in/<source>``, leads to no such hub; None where it does.

    A GET stores nothing: a hub answers 405 in its own words where it has the source. That it is this one is shown by a
    ping, which must arrive in its log.
    """
    # The operator's own address, which is on this machine when the sender is an emulator.
    session = OutgoingHttp(allow_private=True).session(timeout=_TIMEOUT)
    try:
        async with session, session.get(url) as response:
            error = _error(await response.content.read(_ANSWER_BYTES))
            status = response.status
    except RedirectRefusedError as refusal:
        return f"{url} {refusal}, and senders follow none; write the address it leads to as `public_url`"
    except (aiohttp.ClientError, TimeoutError, OSError) as failure:
        return (
            f"{url} cannot be reached: {str(failure) or type(failure).__name__}; start the hub, and what leads to it "
            "(a tunnel or proxy), before you register it"
        )
    if status == _METHOD_NOT_ALLOWED and error == "method-not-allowed":
        return None
    if error == "unknown-source":
        return f"{url} leads to a hub that has no such source; start it anew with this configuration"
    return f"{url} answers {status}, and not as a hub does; check `public_url` and where the proxy sends /in/"


def _error(body: bytes) -> str | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    return error if isinstance(error, str) else None
