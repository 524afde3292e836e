"""The processors of a worker, which change with the configuration while the worker works.

A revision is taken up in this order, so that nothing is lost or sent to where nobody is: the topics of new destinations
are made; new and changed connectors are opened; new deliverers run; changed ones rest; **then** the router decides by
the new rules, between two batches; then the changed ones go on, with what they have open by now. Whatever fails before
the router's turn leaves everything as it was.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from hub.config.current import Revisions
from hub.config.deciding import Rules
from hub.config.model import Configuration, DestinationEntry
from hub.log.news import News
from hub.processors.aides import Aides
from hub.processors.controls import Controls
from hub.processors.deliver import Deliver
from hub.processors.equipment import Equipment
from hub.processors.preparation import prepare
from hub.processors.processor import Processor
from hub.processors.route import Route
from hub.processors.selection import Selection
from hub.processors.surroundings import Surroundings
from hub.processors.takeover import Predecessor
from hub.processors.witness import Announcer

_log = logging.getLogger(__name__)

_STOP_TIMEOUT = 30.0  # seconds for everything together


class Post(NamedTuple):
    """What a deliverer is to do: ``called`` is what routes call the destination, where its topics have another name."""

    entry: DestinationEntry
    called: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is ready to be used: deliverers that are ``added``, and ``equipment`` of those which run, by name."""

    around: Surroundings
    added: dict[str, Deliver]
    equipment: dict[str, Equipment] = field(default_factory=dict)


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
        self._aides = Aides(self, news)

    async def start(self) -> None:
        """Begin with the configuration that ``around`` has. All start together: each sleeps for a second first."""
        around, selection = self.around, self.selection
        if selection.route:
            self._route = Route(around, self._revisions.up_to_date)
        self.delivers = {name: self.deliver(Post(entry)) for name, entry in selection.of(around.configuration).items()}
        first: list[Processor | None] = [self._route, *self.delivers.values(), *await self._aides.made()]
        self.members += [one for one in first if one is not None]  # to be ended, also if starting is interrupted
        await asyncio.gather(*(one.start() for one in self.members))

    async def take_up(self, new: Configuration) -> None:
        """Run another revision. Raises where that cannot be; what ran before then still runs."""
        async with self.turn:
            unknown = new.destinations.keys() - self.around.configuration.destinations.keys()
            await prepare(self.around.connection, new, unknown)
            rules = await asyncio.to_thread(Rules, new)
            self._aides.check(new)
            change = await self._prepared(new)
            try:
                await self._switch(change, rules)
            except BaseException as error:
                if not isinstance(error, asyncio.CancelledError):
                    self.around.failed(error)  # between two revisions; a new process begins with the last one
                raise

    async def stop(self) -> None:
        """Drain and commit, with a deadline for all together."""
        await self._aides.close()
        await self.end(list(self.members))

    # -- what `hub.processors.aides` and `hub.processors.retirement` use, too

    def deliver(self, post: Post, around: Surroundings | None = None, given_up: str | None = None) -> Deliver:
        """A deliverer that does not run yet; its connector is being opened, unless the destination is ``given_up``."""
        around = around or self.around
        entry = post.entry
        witness = Announcer(entry.name, around, self._news)
        before = None
        if entry.was is not None and post.called is None:
            before = Predecessor(around.connection, around.configuration.layout, entry.was).drained
        return Deliver(entry, around, self.controls, witness, called=post.called, before=before, given_up=given_up)

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

    async def _prepared(self, new: Configuration) -> "Change":
        """Everything that can fail, is slow or takes more than one try."""
        around, posts = replace(self.around, configuration=new), self._changes(new)
        added = {name: self.deliver(post, around) for name, post in posts.items() if self._running(name) is None}
        change = Change(around, added)
        try:
            await asyncio.gather(*(one.tried() for one in added.values()))
            await asyncio.gather(*(self._equip(post, change) for name, post in posts.items() if name not in added))
            await self.begin(added.values())
        except BaseException:
            await self.end(added.values())
            await asyncio.gather(*(one.connector.close() for one in change.equipment.values()))
            raise
        return change

    async def _equip(self, post: Post, change: "Change") -> None:
        running = self._running(post.entry.name)
        assert running is not None, "nobody ends while it is our turn"
        change.equipment[post.entry.name] = await running.equipped(post.entry, change.around, post.called)

    async def _switch(self, change: "Change", rules: Rules) -> None:
        """From here on there is no way back."""
        before, self.around = self.around.configuration, change.around
        new = self.around.configuration
        changing = {
            running: equipment for name, equipment in change.equipment.items() if (running := self._running(name))
        }
        async with AsyncExitStack() as rest:
            await asyncio.gather(*(rest.enter_async_context(running.resting()) for running in changing))
            if self._route is not None:
                self._route.use(rules)
                _log.info("events are decided by another revision from now on", extra={"revision": new.revision})
            self._rearrange(change)
            await asyncio.gather(*(running.exchange(equipment) for running, equipment in changing.items()))
        wanted = self.selection.of(new)
        await self.end([self.delivers.pop(name) for name in [*self.delivers] if name not in wanted])
        self._aides.renew(before, new)

    def _rearrange(self, change: "Change") -> None:
        """Who is configured, who is retired; and what those are told whose own entries are as they were."""
        new = change.around.configuration
        change.around.enriching.use(new)
        running = {**self.delivers, **self.retired, **change.added}
        self.delivers = {name: one for name, one in running.items() if name in new.destinations}
        for name in [name for name in running if name not in new.destinations and name not in self.retired]:
            _log.info("destination retired; it delivers what is there, then it ends", extra={"destination": name})
        self.retired = {name: one for name, one in running.items() if name not in new.destinations}
        for name, one in self.delivers.items():
            if name not in change.equipment:
                one.use(new)


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
