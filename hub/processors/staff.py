"""The processors of a worker, which change with the configuration while the worker works.

A revision is taken up in this order, so that nothing is lost or sent to where nobody is: the topics of new destinations
are made; new and changed connectors are opened; new deliverers run; changed ones end; **then** the router decides by
the new rules, between two batches; then the changed ones run again, with what they have open by now. Whatever fails
before the router's turn leaves everything as it was.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from hub.config.live import Revisions
from hub.config.model import Configuration, DestinationEntry
from hub.log.admin import LogAdmin
from hub.log.news import News
from hub.processors.controls import Controls
from hub.processors.delay import Delay
from hub.processors.deliver import Deliver
from hub.processors.preparation import prepare
from hub.processors.reconcile import Reconcile
from hub.processors.route import Route, Rules
from hub.processors.selection import Selection
from hub.processors.status import Status, make_status
from hub.processors.surroundings import Surroundings
from hub.processors.takeover import Predecessor
from hub.processors.witness import Announcer

_log = logging.getLogger(__name__)

_STOP_TIMEOUT = 30.0  # seconds for everything together


class Processor(Protocol):
    """What the worker runs. ``app`` is the Faust app."""

    @property
    def name(self) -> str: ...
    @property
    def app(self) -> Any: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class Post(NamedTuple):
    """What a deliverer is to do: ``called`` is what routes call the destination, where its topics have another name."""

    entry: DestinationEntry
    called: str | None = None


class Staff:
    """For one worker. `start` it, `take_up` revisions, `stop` it; ``turn`` is held by whoever changes who works.

    ``members`` is who works right now, always the same list. ``delivers`` are the configured destinations of this
    worker, ``retired`` those that are no longer configured and not empty yet (`hub.processors.retirement`), which
    ``emptying`` names for all workers.
    """

    def __init__(
        self, selection: Selection, around: Surroundings, revisions: Revisions, controls: Controls, news: News
    ) -> None:
        self.selection = selection
        self.around = around
        self.controls = controls
        self.members: list[Processor] = []
        self.delivers: dict[str, Deliver] = {}
        self.retired: dict[str, Deliver] = {}
        self.emptying: Collection[str] = ()
        self.turn = asyncio.Lock()
        self._revisions = revisions
        self._news = news
        self._route: Route | None = None
        self._delay: Delay | None = None
        self._status: Status | None = None
        self._reconcile: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin with the configuration that ``around`` has. All start together: each sleeps for a second first."""
        around, selection = self.around, self.selection
        if selection.route:
            self._route = Route(around, self._revisions.up_to_date)
            self._begin_reconcile()
        if selection.delay:
            self._delay = await self._new_delay()
        self.delivers = {name: self.deliver(Post(entry)) for name, entry in selection.of(around.configuration).items()}
        if selection.status:
            self._status = await make_status(around, self._news)
        first: list[Processor | None] = [self._route, self._delay, *self.delivers.values(), self._status]
        await self.begin([one for one in first if one is not None])

    async def take_up(self, new: Configuration) -> None:
        """Run another revision. Raises where that cannot be; what ran before then still runs."""
        async with self.turn:
            added = new.destinations.keys() - self.around.configuration.destinations.keys()
            await prepare(self.around.connection, new, added)
            rules = await asyncio.to_thread(Rules, new)
            around = replace(self.around, configuration=new)
            built = {name: self.deliver(post, around) for name, post in self._changes(new).items()}
            try:
                await asyncio.gather(*(one.tried() for one in built.values()))
                await self.begin([one for name, one in built.items() if self._running(name) is None])
            except BaseException:
                await self.end(built.values())
                raise
            try:
                await self._switch(around, rules, built)
            except BaseException as error:
                await self.end(one for one in built.values() if one not in self.members)
                if not isinstance(error, asyncio.CancelledError):
                    self.around.failed(error)  # between two revisions; a new process begins with the last one
                raise

    async def stop(self) -> None:
        """Drain and commit, with a deadline for all together."""
        if self._reconcile is not None:
            self._reconcile.cancel()
        await self.end(list(self.members))

    # -- what `hub.processors.retirement` uses, too

    def deliver(self, post: Post, around: Surroundings | None = None) -> Deliver:
        """A deliverer that does not run yet; its connector is being opened."""
        around = around or self.around
        entry = post.entry
        witness = Announcer(entry.name, around, self._news)
        before = None
        if entry.was is not None and post.called is None:
            before = Predecessor(around.connection, around.configuration.layout, entry.was).drained
        return Deliver(entry, around, self.controls, witness, called=post.called, before=before)

    async def begin(self, processors: Collection[Processor]) -> None:
        await asyncio.gather(*(one.start() for one in processors))
        self.members += processors

    async def end(self, processors: Iterable[Processor]) -> None:
        """Never raises."""
        ending = list(processors)
        for one in ending:
            if one in self.members:
                self.members.remove(one)
        await _stop(ending)

    def is_alive(self, destination: str) -> bool:
        """Whether somebody still delivers to it."""
        return destination in self.around.configuration.destinations or destination in self.emptying

    # -- taking up a revision

    def _running(self, name: str) -> Deliver | None:
        return self.delivers.get(name) or self.retired.get(name)

    def _changes(self, new: Configuration) -> dict[str, Post]:
        """The deliverers that must be others than those which run, by the names of their topics."""
        wanted = self.selection.of(new)
        posts = {name: Post(entry) for name, entry in wanted.items()}
        for name, entry in wanted.items():
            if entry.was is not None and self._running(entry.was) is not None:
                posts[entry.was] = Post(replace(entry, name=entry.was), called=name)
        return {name: post for name, post in posts.items() if not self._does(post)}

    def _does(self, post: Post) -> bool:
        running = self.delivers.get(post.entry.name) if post.called is None else self.retired.get(post.entry.name)
        return running is not None and running.entry.written == post.entry.written

    async def _switch(self, around: Surroundings, rules: Rules, built: Mapping[str, Deliver]) -> None:
        """From here on there is no way back."""
        new = around.configuration
        await self.end([one for name in built if (one := self._running(name)) is not None])
        if self._route is not None:
            self._route.use(rules)
            _log.info("events are decided by another revision from now on", extra={"revision": new.revision})
        before, self.around = self.around.configuration, around
        self._rearrange(new, built)
        unwanted = [self.delivers.pop(name) for name in [*self.delivers] if name not in self.selection.of(new)]
        await self.begin([one for one in built.values() if one not in self.members])
        await self.end(unwanted)
        await self._renew_the_others(before, new)

    def _rearrange(self, new: Configuration, built: Mapping[str, Deliver]) -> None:
        for name in [name for name in self.delivers if name not in new.destinations]:
            self.retired[name] = self.delivers.pop(name)
            _log.info("destination retired; it delivers what is there, then it ends", extra={"destination": name})
        for name, one in built.items():
            mine, other = (self.delivers, self.retired) if name in new.destinations else (self.retired, self.delivers)
            mine[name] = one
            other.pop(name, None)
        for name, one in self.delivers.items():
            if name not in built:
                one.use(new)

    async def _renew_the_others(self, before: Configuration, new: Configuration) -> None:
        if self._delay is not None and before.delays != new.delays:
            await self.end([self._delay])
            self._delay = await self._new_delay()
            await self.begin([self._delay])
        if self._status is not None and _ledger(before) != _ledger(new):
            await self.end([self._status])
            self._status = await make_status(self.around, self._news)
            await self.begin([self._status])
        if self._reconcile is not None and _sources(before) != _sources(new):
            self._begin_reconcile()

    async def _new_delay(self) -> Delay:
        admin = LogAdmin(self.around.connection, self.around.configuration.layout)
        tiers, ledgers = await asyncio.to_thread(admin.tiers), await asyncio.to_thread(admin.ledgers)
        return Delay(tiers, ledgers, self.around, self.is_alive)

    def _begin_reconcile(self) -> None:
        if self._reconcile is not None:
            self._reconcile.cancel()
        self._reconcile = asyncio.create_task(Reconcile(self.around).run(), name="reconcile")


def _ledger(configuration: Configuration) -> tuple[object, ...]:
    """What the projection of the ledger is made of."""
    return (set(configuration.destinations), configuration.status)


def _sources(configuration: Configuration) -> Mapping[str, str]:
    return {name: entry.written for name, entry in configuration.sources.items()}


async def _stop(processors: Collection[Processor]) -> None:
    tasks = {asyncio.create_task(processor.stop(), name=processor.name) for processor in processors}
    if not tasks:
        return
    done, hung = await asyncio.wait(tasks, timeout=_STOP_TIMEOUT)
    for task in done:
        if error := task.exception():
            _log.error("processor stopped badly", extra={"processor": task.get_name(), "error": repr(error)})
    for task in hung:
        _log.error("processor does not stop", extra={"processor": task.get_name(), "timeout": _STOP_TIMEOUT})
