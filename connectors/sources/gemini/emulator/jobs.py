"""Jobs: created by requests, ended by time, by a cancellation or by hand. An end and its announcement are one write."""

import json
from collections.abc import Callable
from typing import Any

from connectors.sources.gemini.emulator import results
from connectors.sources.gemini.emulator.clock import Clock
from connectors.sources.gemini.emulator.errors import InvalidArgumentError, NotFoundError
from connectors.sources.gemini.emulator.files import Files, new_id
from connectors.sources.gemini.emulator.lifecycle import EVENTS, begins, ended
from connectors.sources.gemini.emulator.records import DynamicWebhook, Failure, Job, JobKind, Outcome
from connectors.sources.gemini.emulator.requests import Batch, CreateBatch, CreateInteraction, CreateVideo
from connectors.sources.gemini.emulator.scenario import Subject, plan
from connectors.sources.gemini.emulator.settings import Settings
from connectors.sources.gemini.emulator.store import Store


class Jobs:
    """``announce`` is called in the transaction in which a job ends."""

    def __init__(
        self, store: Store, clock: Clock, files: Files, settings: Settings, announce: Callable[[Job], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._files = files
        self._settings = settings
        self._announce = announce

    def create_batch(self, model: str, wanted: CreateBatch) -> Job:
        """Raises InvalidArgumentError, NotFoundError (its input file)."""
        batch = wanted.batch
        webhook = batch.webhook_config.checked("batch.webhook_config") if batch.webhook_config else None
        source, prompt, count = self._batch_input(batch)
        job = self._plan(
            name=f"batches/{new_id(36)}",
            kind=JobKind.BATCH,
            model=f"models/{model}",
            display_name=batch.display_name,
            text=prompt,
            webhook=webhook,
        )
        job = job.model_copy(update={"from_file": batch.input_config.file_name is not None, "requests": count})
        return self._create(job, source)

    def create_interaction(self, wanted: CreateInteraction, raw: dict[str, Any]) -> Job:
        """One in the foreground has ended when this returns. ``raw``: the request as it was written."""
        if bool(wanted.model) == bool(wanted.agent):
            raise InvalidArgumentError("Exactly one of `model` and `agent` must be set.")
        if wanted.webhook_config and not wanted.background:
            raise InvalidArgumentError("`background` must be true when `webhook_config` is set.")
        if wanted.background and not wanted.store:
            raise InvalidArgumentError("`store` must be true when `background` is true.")
        webhook = wanted.webhook_config.checked("webhook_config") if wanted.webhook_config else None
        job = self._plan(
            name=f"v1_{new_id(48)}",
            kind=JobKind.INTERACTION,
            model=wanted.model or wanted.agent or "",
            text=results.first_text(wanted.input),
            webhook=webhook,
        )
        source = json.dumps(raw).encode()
        if wanted.background:
            return self._create(job, source)
        with self._store.transaction():
            return self._end(self._create(job, source), job.planned, announce=False)

    def create_video(self, model: str, wanted: CreateVideo) -> Job:
        """Raises InvalidArgumentError."""
        prompt = results.first_text(wanted.instances)
        webhook = wanted.webhook_config.checked("webhook_config") if wanted.webhook_config else None
        job = self._plan(
            name=f"models/{model}/operations/{new_id(12)}",
            kind=JobKind.VIDEO,
            model=f"models/{model}",
            text=prompt,
            webhook=webhook,
        )
        return self._create(job, prompt.encode())

    def get(self, name: str) -> Job:
        """Raises NotFoundError."""
        job = self._store.get(Job, name)
        if job is None:
            raise NotFoundError(f"Requested entity was not found: {name}")
        return job

    def poll(self, name: str) -> Job:
        """As `get`, counted: so that it can be said how many requests a webhook saves."""
        job = self.get(name)
        counted = job.model_copy(update={"polls": job.polls + 1})
        self._store.put(counted)
        return counted

    def page(self, size: int, before: int | None, prefix: str = "") -> tuple[list[Job], int | None]:
        return self._store.page(Job, size, before=before, prefix=prefix)

    def request(self, job: Job) -> bytes:
        """What it was created with: of a batch its inline requests or its file's name, of an interaction its request
        in JSON, of a video the prompt.
        """
        return self._store.read(_request(job)) or b""

    def result(self, job: Job) -> Any:
        """What it came to, where that is not a file: parsed JSON, or None."""
        found = self._store.read(_result(job))
        return None if found is None else json.loads(found)

    def finish(self, job: Job, outcome: Outcome, failure: Failure | None = None) -> Job:
        """End a job now. One that has ended stays as it is; an outcome its kind cannot have is an
        InvalidArgumentError.
        """
        if job.outcome is not None:
            return job
        if outcome not in EVENTS[job.job_kind]:
            known = ", ".join(EVENTS[job.job_kind])
            raise InvalidArgumentError(f"a {job.job_kind.value} cannot {outcome.value}, only {known}")
        if outcome is Outcome.SUCCEED and (missing := self._missing_input(job)):
            outcome, failure = Outcome.FAIL, Failure(code="NOT_FOUND", message=missing)
        with self._store.transaction():
            return self._end(job.model_copy(update={"failure": failure or job.failure}), outcome)

    def end_due(self) -> None:
        """End every job whose time has come."""
        for job in self._store.due(Job, self._clock.now()):
            self.finish(job, job.planned)

    def delete(self, job: Job) -> None:
        """Forget it; its file stays. One that runs never ends, and nothing is told of it."""
        with self._store.transaction():
            self._store.delete(job)
            self._store.erase(_request(job))
            self._store.erase(_result(job))

    def _batch_input(self, batch: Batch) -> tuple[bytes, str, int]:
        """What to keep, the first prompt, and the number of requests."""
        given = batch.input_config
        if (given.file_name is None) == (given.requests is None):
            raise InvalidArgumentError("Exactly one of `file_name` and `requests` must be set at 'batch.input_config'.")
        if given.requests is not None:
            written = [each.model_dump(exclude_none=True) for each in given.requests.requests]
            return json.dumps(written).encode(), results.first_text(written[0]["request"]), len(written)
        assert given.file_name is not None
        content = self._files.content(given.file_name)
        count = sum(bool(line.strip()) for line in content.splitlines())
        return given.file_name.encode(), results.first_prompt(content), count

    def _plan(
        self, *, name: str, kind: JobKind, model: str, text: str, webhook: DynamicWebhook | None, display_name: str = ""
    ) -> Job:
        subject = Subject(
            kind=kind,
            model=model.removeprefix("models/"),
            display_name=display_name,
            text=text,
            metadata=webhook.user_metadata if webhook else {},
        )
        settings = self._settings
        number = self._store.next_number("job")
        planned = plan(subject, settings.scenario, settings.outcomes, seed=settings.seed, number=number)
        now = self._clock.now()
        return Job(
            name=name,
            job_kind=kind,
            model=model,
            display_name=display_name,
            webhook=webhook,
            created_at=self._clock.wall(),
            begins=begins(now, now + planned.duration),
            due=now + planned.duration,
            planned=planned.outcome,
            failure=planned.failure,
        )

    def _create(self, job: Job, source: bytes) -> Job:
        with self._store.transaction():
            self._store.put(job)
            self._store.write(_request(job), source)
        return job

    def _end(self, job: Job, outcome: Outcome, *, announce: bool = True) -> Job:
        output, failed = self._produce(job, outcome)
        done = ended(job, outcome, wall=self._clock.wall(), output_file=output, failed_requests=failed)
        self._store.put(done)
        if announce:
            self._announce(done)
        return done

    def _missing_input(self, job: Job) -> str | None:
        """Why a batch cannot succeed: its input file has been deleted, or has expired."""
        try:
            if job.from_file:
                self._files.get(self.request(job).decode())
        except NotFoundError as error:
            return str(error)
        return None

    def _produce(self, job: Job, outcome: Outcome) -> tuple[str | None, int]:
        """Make what it came to; its file's name, if it is one, and the number of requests that failed."""
        source = self.request(job)
        if job.job_kind is JobKind.INTERACTION:
            self._store.write(_result(job), json.dumps(_interaction_result(source, outcome)).encode())
        if outcome is not Outcome.SUCCEED or job.job_kind is JobKind.INTERACTION:
            return None, 0
        if job.job_kind is JobKind.VIDEO:
            return self._files.add(results.video(source.decode()), results.VIDEO_TYPE, generated=True).name, 0
        if not job.from_file:
            inline = results.batch_of_requests(json.loads(source), job.model)
            self._store.write(_result(job), json.dumps(inline.lines).encode())
            return None, inline.failed
        found = results.batch_of_file(self._files.content(source.decode()), job.model)
        name = f"files/batch-{job.name.removeprefix('batches/')[:30]}"
        self._files.add(found.jsonl(), results.JSONL_TYPE, name=name, generated=True)
        return name, found.failed


def _interaction_result(source: bytes, outcome: Outcome) -> dict[str, Any]:
    request = json.loads(source)
    if outcome is Outcome.REQUIRE_ACTION:
        return {"steps": results.function_call_steps(request.get("tools")), "usage": results.usage(request["input"])}
    if outcome is Outcome.SUCCEED:
        return {"steps": results.interaction_steps(request["input"]), "usage": results.usage(request["input"])}
    return {"steps": []}


def _request(job: Job) -> str:
    return f"request/{job.name}"


def _result(job: Job) -> str:
    return f"result/{job.name}"
