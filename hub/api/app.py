"""The api as a Starlette application, made of `ENDPOINTS`."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.api import parameters
from hub.api.access import Guard
from hub.api.answers import ApiError, respond
from hub.api.endpoints import ENDPOINTS, Endpoint
from hub.api.journal import Journal
from hub.api.service import Service
from hub.api.streams import Streams
from hub.config.current import Revisions
from hub.config.model import Configuration
from hub.ledger.standing import KnownSecret
from hub.ledger.store import Store
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.live import LiveLog
from hub.log.ranges import RangeReader
from hub.log.records import NewerFormatError

_log = logging.getLogger(__name__)

_AGAIN = 0.5  # seconds until Kafka is asked again
_USUAL = 10  # tries while a hub starts, and its topics are made

MOST_STREAMS = 1000


class Api:
    """What the handlers need; it comes when Kafka does."""

    def __init__(
        self,
        configuration: Configuration,
        kafka: KafkaConnection,
        stores: Callable[[Configuration], Store],
        streams: Streams,
        known: Callable[[Configuration], Sequence[KnownSecret]],
        begin: Callable[[], Awaitable[Revisions]],
    ) -> None:
        self._begin = begin
        self._configuration = configuration
        self._kafka = kafka
        self._stores = stores
        self._store: Store | None = None
        self._streams = streams
        self._known = known
        self._service: Service | None = None

    def drain(self) -> None:
        """Streams end, and nothing new begins."""
        self._streams.ending = True

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        if self._service is None:
            raise ApiError(503, "not-ready", "Kafka is not there yet; try again later", {"retry-after": "1"})
        given = parameters.read(request.query_params, endpoint.parameters)
        try:
            return await endpoint.handler(self._service, request, given)
        except KafkaUnavailableError as error:
            raise ApiError(503, "kafka-unavailable", str(error), {"retry-after": "1"}) from None
        except (LogAdminError, NewerFormatError) as error:
            raise ApiError(503, "log-unusable", str(error)) from None

    @asynccontextmanager
    async def running(self, on_ready: Callable[[], None], on_fault: Callable[[Exception], None]) -> AsyncIterator[None]:
        """Connect to the log, and answer once that is done. ``on_fault`` hears of what trying again would not mend."""
        async with AsyncExitStack() as stack:
            connecting = asyncio.create_task(self._work(stack, on_ready, on_fault), name="connect the log")
            try:
                yield
            finally:
                self.drain()
                connecting.cancel()
                await asyncio.wait([connecting])
                if self._store is not None:
                    self._store.dispose()

    async def _work(
        self, stack: AsyncExitStack, on_ready: Callable[[], None], on_fault: Callable[[Exception], None]
    ) -> None:
        try:
            await self._connect(stack, on_ready)
        except Exception as error:  # noqa: BLE001  (whoever runs the application cannot see this task)
            on_fault(error)

    async def _connect(self, stack: AsyncExitStack, on_ready: Callable[[], None]) -> None:
        topics = self._configuration.topics
        admin = LogAdmin(self._kafka, self._configuration.layout)
        for tries in itertools.count(1):
            try:
                incarnations = await asyncio.to_thread(admin.incarnations, [topics.events])
                live = LiveLog(self._kafka, topics.events, self._configuration.log.partitions)
                await stack.enter_async_context(live)
            except (KafkaUnavailableError, LogAdminError) as error:
                if tries > _USUAL:
                    _log.warning("the log cannot be read yet", extra={"error": str(error)})
                await asyncio.sleep(_AGAIN)
                continue
            reader = await stack.enter_async_context(RangeReader(self._kafka))
            await self._serve(live, Journal(live, reader, incarnations[topics.events]), on_ready)

    async def _serve(self, live: LiveLog, journal: Journal, on_ready: Callable[[], None]) -> None:
        """Answer by the configuration that is in force, whichever that is by then."""

        async def take_up(configuration: Configuration) -> None:
            before, store = self._store, self._stores(configuration)
            known = partial(self._known, configuration)
            self._service = Service(configuration, self._kafka, store, live, journal, self._streams, known)
            self._store = store
            if before is not None:
                before.dispose()  # who still asks it ends with a connection of its own

        revisions = await self._begin()
        await take_up(revisions.current)
        on_ready()
        await revisions.follow(take_up)


def create_app(
    configuration: Configuration,
    kafka: KafkaConnection,
    *,
    stores: Callable[[Configuration], Store],
    begin: Callable[[], Awaitable[Revisions]],
    token: str | None,
    known: Callable[[Configuration], Sequence[KnownSecret]] = lambda _: (),
    streams: Streams | None = None,
    on_ready: Callable[[], None] = lambda: None,
    on_fault: Callable[[Exception], None] = lambda _: None,
) -> tuple[Starlette, Api]:
    """The application, and what is told when the service ends. Its lifespan connects to Kafka, however long it takes;
    then ``on_ready`` is called, or ``on_fault`` where it can never be used. ``begin`` says what is in force then, and
    what later; ``configuration`` is good enough to find the log. ``stores`` makes the projection of a configuration,
    which is disposed of here. ``known`` reads what secrets there are, for the status, and may block. Without a
    ``token`` only this machine may ask (`hub.api.access`).
    """
    api = Api(configuration, kafka, stores, streams or Streams(MOST_STREAMS), known, begin)
    app = Starlette(
        routes=[Route("/healthz", _healthz), *(_route(api, endpoint) for endpoint in ENDPOINTS)],
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={ApiError: respond},
        lifespan=lambda _: api.running(on_ready, on_fault),
    )
    return app, api


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok")


def _route(api: Api, endpoint: Endpoint) -> Route:
    async def handle(request: Request) -> Response:
        return await api.answer(endpoint, request)

    return Route(endpoint.path.replace("{id}", "{id:path}"), handle, methods=["GET"])
