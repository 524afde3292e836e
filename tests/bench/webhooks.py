"""The events that are sent: about 900 bytes of JSON, signed by the `standardwebhooks` package as Gemini signs."""

import base64
from datetime import UTC, datetime

import orjson
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"a secret of the benchmarks only!").decode()
SOURCE = "gemini"
TYPES = ("batch.succeeded", "batch.failed", "interaction.completed", "video.generated")


def event_id(number: int) -> str:
    return f"evt_{number:012d}"


def body(number: int) -> bytes:
    """Event types alternate; a thousand jobs take turns."""
    return orjson.dumps(
        {
            "type": TYPES[number % len(TYPES)],
            "version": "v1",
            "timestamp": "2026-01-02T03:04:05Z",
            "data": {
                "id": f"batches/{number % 1000:020d}",
                "output_file_uri": "gs://my-bucket/results.jsonl",
                "note": "x" * 700,
            },
        }
    )


def signed_request(number: int, path: str) -> bytes:
    """The bytes of one POST, keep-alive."""
    content = body(number)
    now = datetime.now(UTC)
    name = event_id(number)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"User-Agent: bench\r\nContent-Length: {len(content)}\r\nwebhook-id: {name}\r\n"
        f"webhook-timestamp: {int(now.timestamp())}\r\n"
        f"webhook-signature: {Webhook(SECRET).sign(name, now, content.decode())}\r\n\r\n"
    )
    return head.encode() + content
