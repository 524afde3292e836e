"""What jobs produce (pure): the same request always gives the same answer, so that tests can know it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

VIDEO_TYPE = "video/mp4"
JSONL_TYPE = "application/jsonl"
_INVALID_ARGUMENT = 3  # google.rpc.Code, which results carry as a number


@dataclass(frozen=True, slots=True)
class BatchResult:
    """``lines``: one answer per request, in the order of the requests."""

    lines: tuple[dict[str, Any], ...]

    @property
    def failed(self) -> int:
        return sum("error" in line for line in self.lines)

    def jsonl(self) -> bytes:
        return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in self.lines)


def batch_of_file(content: bytes, model: str) -> BatchResult:
    """A file of ``{"key": "…", "request": {…}}``, one a line; a line that is none gets an error as its answer."""
    return BatchResult(tuple(_answer_line(line, model) for line in content.splitlines() if line.strip()))


def batch_of_requests(requests: Iterable[Mapping[str, Any]], model: str) -> BatchResult:
    """Inline requests ``{"request": {…}, "metadata": {…}}``."""
    return BatchResult(tuple(_answer_request(request, "metadata", model) for request in requests))


def generated_content(request: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A GenerateContentResponse."""
    prompt = first_text(request.get("contents"))
    text = answer(prompt)
    return {
        "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": tokens(prompt),
            "candidatesTokenCount": tokens(text),
            "totalTokenCount": tokens(prompt) + tokens(text),
        },
        "modelVersion": model.removeprefix("models/"),
    }


def interaction_steps(given: Any) -> list[dict[str, Any]]:
    return [{"type": "model_output", "content": [{"type": "text", "text": answer(first_text(given))}]}]


def function_call_steps(tools: Any) -> list[dict[str, Any]]:
    """What an interaction that requires action waits for: a call of its first function."""
    named = [tool["name"] for tool in tools or [] if isinstance(tool, dict) and isinstance(tool.get("name"), str)]
    name = named[0] if named else "confirm"
    return [{"type": "function_call", "id": "call_1", "name": name, "arguments": {}}]


def usage(given: Any) -> dict[str, int]:
    prompt = first_text(given)
    output = tokens(answer(prompt))
    return {
        "total_input_tokens": tokens(prompt),
        "total_output_tokens": output,
        "total_tokens": tokens(prompt) + output,
    }


def answer(prompt: str) -> str:
    return f"Emulated answer to: {prompt}"


def tokens(text: str) -> int:
    return len(text.split())


def video(prompt: str) -> bytes:
    """A few bytes that say they are an MP4 file: its type box, and the prompt as its media."""
    return _box(b"ftyp", b"isom\x00\x00\x02\x00isomiso2mp41") + _box(b"mdat", prompt.encode())


def first_text(value: Any) -> str:
    """The first text in contents, parts or steps, however deep."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        inner = (value.get(name) for name in ("text", "prompt", "parts", "content", "contents"))
        return next(filter(None, map(first_text, inner)), "")
    if isinstance(value, list | tuple):
        return next(filter(None, map(first_text, value)), "")
    return ""


def first_prompt(content: bytes) -> str:
    """The first prompt of a batch's input file, as far as there is one."""
    try:
        line = json.loads(content.split(b"\n", 1)[0])
    except ValueError:
        return ""
    return first_text(line.get("request")) if isinstance(line, dict) else ""


def _answer_line(line: bytes, model: str) -> dict[str, Any]:
    try:
        written = json.loads(line)
    except ValueError:
        written = None
    if not isinstance(written, dict):
        return {"error": {"code": _INVALID_ARGUMENT, "message": "The line is not a JSON object."}}
    return _answer_request(written, "key", model)


def _answer_request(written: Mapping[str, Any], label: str, model: str) -> dict[str, Any]:
    labelled = {label: written[label]} if written.get(label) is not None else {}
    request = written.get("request")
    if not isinstance(request, dict) or not request.get("contents"):
        error = {"code": _INVALID_ARGUMENT, "message": "GenerateContentRequest.contents: contents is not specified"}
        return {**labelled, "error": error}
    return {**labelled, "response": generated_content(request, model)}


def _box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + name + content
