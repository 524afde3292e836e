"""What a worker runs, as `--only` says it, also of destinations that are configured later, or no longer."""

from dataclasses import replace

import pytest

from connectors.destinations.console import ConsoleConfig, ConsoleDestination
from hub.config.model import Configuration, DeliverySettings, DestinationEntry, LogConfig, Where
from hub.processors.selection import Selection, UnknownProcessorError, selected


def entry(name: str, *, isolated: bool = False) -> DestinationEntry:
    where = Where("hub.yaml", 1)
    return DestinationEntry(name, ConsoleDestination, ConsoleConfig(), DeliverySettings(), isolated, where)


def configuration(*entries: DestinationEntry) -> Configuration:
    return Configuration("hub", LogConfig(), {}, {each.name: each for each in entries}, (), (), "0" * 12)


NOW = configuration(entry("alerts"), entry("plugin", isolated=True))
LATER = configuration(*NOW.destinations.values(), entry("new"), entry("another", isolated=True))


@pytest.mark.parametrize(
    ("only", "destinations"),
    [
        ((), {"alerts", "plugin", "new", "another"}),
        (("deliver",), {"alerts", "plugin", "new", "another"}),
        (("route", "shared"), {"alerts", "new"}),
        (("plugin",), {"plugin"}),
        (("shared", "plugin"), {"alerts", "plugin", "new"}),
        (("route",), set()),
    ],
)
def test_destinations_that_come_later_belong_to_whoever_has_all_or_the_shared_ones(
    only: tuple[str, ...], destinations: set[str]
) -> None:
    assert set(selected(NOW, only).of(LATER)) == destinations


def test_one_that_becomes_isolated_leaves_those_that_are_shared() -> None:
    apart = configuration(replace(entry("alerts"), isolated=True))
    assert set(selected(NOW, ["shared"]).of(apart)) == set()
    assert set(selected(NOW, ["alerts"]).of(apart)) == {"alerts"}


def test_without_names_everything_runs_and_with_names_only_those() -> None:
    assert selected(NOW, ()) == Selection()
    found = selected(NOW, ["status", "plugin"])
    assert (found.route, found.delay, found.status) == (False, False, True)


def test_a_retired_destination_may_be_named_and_an_unknown_one_may_not() -> None:
    assert selected(NOW, ["gone"], retired=["gone"]).wants(entry("gone", isolated=True))
    with pytest.raises(UnknownProcessorError, match=r"there is no gone to run; expected route, .* alerts, plugin"):
        selected(NOW, ["gone"])
