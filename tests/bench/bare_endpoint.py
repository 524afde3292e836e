"""What the ingress is compared with: an endpoint on the same stack (uvicorn, httptools, uvloop, a raw ASGI application
mounted in Starlette) that reads the body, checks and stores nothing, and says 202.

``python -m tests.bench.bare_endpoint --port P``
"""

import argparse

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

_ANSWER = b'{"id":"evt_000000000000"}'
_HEAD = {
    "type": "http.response.start",
    "status": 202,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_ANSWER))],
}
_BODY = {"type": "http.response.body", "body": _ANSWER}


async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    while message.get("more_body"):
        message = await receive()
    await send(_HEAD)
    await send(_BODY)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    app = Starlette(routes=[Mount("/in", app=endpoint)])
    uvicorn.run(app, port=port, http="httptools", loop="uvloop", access_log=False, log_level="warning", ws="none")


if __name__ == "__main__":
    main()
