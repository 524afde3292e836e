"""``/emulator``, which Google does not have: look at jobs and deliveries, end a job, skip time, switch faults, rotate
keys.
"""

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.routing import Route

from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.errors import InvalidArgumentError
from connectors.sources.gemini.emulator.faults import check_faults
from connectors.sources.gemini.emulator.http_bodies import Json, body_of, page
from connectors.sources.gemini.emulator.records import Failure, Outcome
from connectors.sources.gemini.emulator.requests import Message, page_before, page_size, parse
from schemas.quantities import Duration

_PAGE = 100


class Advance(Message):
    advance: Duration


class Finish(Message):
    job: str
    outcome: Outcome
    error: Failure | None = None


class RotateKeys(Message):
    at_once: bool = False


class FaultValues(Message):
    faults: dict[str, Annotated[float, Field(ge=0, le=1)]]


def routes(emulator: Emulator) -> list[Route]:
    async def status(_request: Request) -> Json:
        clock = emulator.clock
        return Json(
            {
                "base_url": emulator.settings.base_url,
                "jwks_url": emulator.settings.jwks_url,
                "clock": {"speed": clock.speed, "emulated_seconds": clock.now(), "wall_seconds": clock.wall()},
                "seed": emulator.settings.seed,
                "faults": emulator.deliveries.faults,
            }
        )

    async def jobs(request: Request) -> Json:
        """Newest first. ``polls``: the GET requests that clients made for each."""
        query = request.query_params
        found, older = emulator.jobs.page(page_size(query, _PAGE), page_before(query))
        return page("jobs", [_shown(job) for job in found], older)

    async def deliveries(request: Request) -> Json:
        """Newest first, each with its attempts and their answers."""
        query = request.query_params
        found, older = emulator.deliveries.page(page_size(query, _PAGE), page_before(query))
        return page("deliveries", [_shown(delivery) for delivery in found], older)

    async def finish(request: Request) -> Json:
        """End a job now; answers once its webhooks have been attempted."""
        wanted = parse(Finish, await body_of(request))
        emulator.jobs.finish(emulator.jobs.get(wanted.job), wanted.outcome, wanted.error)
        await emulator.settle()
        return Json(_shown(emulator.jobs.get(wanted.job)))

    async def advance(request: Request) -> Json:
        """Skip time; answers once what became due has been done."""
        wanted = parse(Advance, await body_of(request))
        emulator.advance(wanted.advance.total_seconds())
        await emulator.settle()
        return await status(request)

    async def faults(request: Request) -> Json:
        """The probabilities from now on; those that are not named are 0."""
        wanted = parse(FaultValues, await body_of(request))
        try:
            emulator.set_faults(check_faults(wanted.faults))
        except ValueError as error:
            raise InvalidArgumentError(str(error)) from None
        return await status(request)

    async def rotate(request: Request) -> Json:
        """A new key signs a job's own webhooks; the earlier one stays published for 24 hours unless ``at_once``."""
        wanted = parse(RotateKeys, await body_of(request))
        return Json({"kid": emulator.keys.rotate(at_once=wanted.at_once)})

    return [
        Route("/status", status),
        Route("/jobs", jobs),
        Route("/jobs/finish", finish, methods=["POST"]),
        Route("/deliveries", deliveries),
        Route("/clock", advance, methods=["POST"]),
        Route("/faults", faults, methods=["PUT"]),
        Route("/keys/rotate", rotate, methods=["POST"]),
    ]


def _shown(record: Any) -> dict[str, Any]:
    shown: dict[str, Any] = record.model_dump(mode="json", exclude_none=True)
    return shown
