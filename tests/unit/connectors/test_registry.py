"""Connectors are found by entry points; one that cannot be used says whose fault it is, and only to its users."""

import subprocess
import sys
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest

from connectors.api import API_VERSION, Delivery, DestinationConfig, EachDestination, Effect
from connectors.registry import (
    AmbiguousConnectorError,
    BrokenConnectorError,
    IncompatibleConnectorError,
    Kind,
    Registration,
    Registry,
    UnknownConnectorError,
)


class PagerDestination(EachDestination[DestinationConfig]):
    name = "pager"
    config_model = DestinationConfig
    effect = Effect.NOTIFY

    async def deliver_one(self, delivery: Delivery) -> None:
        raise AssertionError("never called")


class OldDestination(PagerDestination):
    api_version = API_VERSION + 1


class NamelessDestination(PagerDestination):
    name = "other"


class ModellessDestination(PagerDestination):
    config_model = dict  # type: ignore[assignment]  # what a plugin that was never type-checked may have


class EffectlessDestination(PagerDestination):
    effect = "notify"  # type: ignore[assignment]  # likewise


class UnfinishedDestination(EachDestination[DestinationConfig]):
    name = "pager"
    config_model = DestinationConfig
    effect = Effect.NOTIFY


class NoDestination:
    api_version = API_VERSION


NOT_A_CLASS = 3


def registration(attribute: str, *, distribution: str = "hub-pager", name: str = "pager") -> Registration:
    value = attribute if ":" in attribute else f"{__name__}:{attribute}"
    return Registration(Kind.DESTINATION, name, distribution, "2.0", EntryPoint(name, value, Kind.DESTINATION.group))


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


def test_a_plugin_is_found_by_its_entry_point() -> None:
    registry = Registry([registration("PagerDestination")])
    assert registry.destination("pager").name == "pager"
    assert registry.names(Kind.DESTINATION) == ["pager"]
    assert not registry.is_builtin(Kind.DESTINATION, "pager")


def test_the_built_in_connectors_use_the_same_door() -> None:
    registry = Registry.installed()
    for kind in Kind:
        assert registry.names(kind)
        for each in registry.registrations(kind):
            assert each.load().name == each.name
            assert registry.is_builtin(kind, each.name) == (each.distribution == "event-hub")


@pytest.mark.parametrize(
    ("attribute", "error", "message"),
    [
        (
            "OldDestination",
            IncompatibleConnectorError,
            "written for version 2 of the connector contract, this hub speaks 1; install another version of hub-pager",
        ),
        ("no_such_module:Thing", BrokenConnectorError, "cannot be imported: ModuleNotFoundError: No module named"),
        ("Missing", BrokenConnectorError, "cannot be imported: AttributeError"),
        ("NOT_A_CLASS", BrokenConnectorError, ":NOT_A_CLASS is not a class"),
        ("NoDestination", BrokenConnectorError, "derive from EachDestination or BatchDestination or"),
        ("NamelessDestination", BrokenConnectorError, "is registered as 'pager' but its `name` is 'other'"),
        ("ModellessDestination", BrokenConnectorError, "needs a `config_model` that derives from DestinationConfig"),
        ("EffectlessDestination", BrokenConnectorError, "needs an `effect`: Effect.IDEMPOTENT, APPEND or NOTIFY"),
        ("UnfinishedDestination", BrokenConnectorError, "does not implement deliver_one"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_blamed_by_name(attribute: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        Registry([registration(attribute)]).destination("pager")
    assert message in str(raised.value)
    assert "hub-pager" in str(raised.value)


def test_a_broken_plugin_stops_only_its_users() -> None:
    registry = Registry([registration("no_such_module:Thing", name="broken"), registration("PagerDestination")])
    assert registry.destination("pager") is PagerDestination
    assert [each.name for each in registry.registrations(Kind.DESTINATION)] == ["broken", "pager"]


def test_a_name_that_two_distributions_claim_goes_to_neither() -> None:
    registry = Registry(
        [registration("PagerDestination", distribution="b"), registration("PagerDestination", distribution="a")]
    )
    with pytest.raises(AmbiguousConnectorError, match="'pager' is claimed by a and b; uninstall all but one"):
        registry.destination("pager")
    assert len(registry.registrations(Kind.DESTINATION)) == 2


def test_a_mistyped_name_gets_the_list_and_a_suggestion() -> None:
    with pytest.raises(UnknownConnectorError) as raised:
        Registry([registration("PagerDestination")]).find(Kind.DESTINATION, "pagre")
    assert str(raised.value) == "there is no destination type 'pagre', only pager; did you mean pager?"
    with pytest.raises(UnknownConnectorError, match="there is no source type 'x', only none at all"):
        Registry([]).source("x")


def test_an_installed_distribution_names_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "hub_pager-3.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hub-pager\nVersion: 3.1\n")
    (info / "entry_points.txt").write_text("[hub.destinations]\npager = pager_plugin:Pager\n")
    (tmp_path / "pager_plugin.py").write_text("raise RuntimeError('half installed')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Distribution.at(info).name == "hub-pager"
    registry = Registry.installed()
    found = registry.find(Kind.DESTINATION, "pager")
    assert (found.distribution, found.version, found.builtin) == ("hub-pager", "3.1", False)
    with pytest.raises(BrokenConnectorError, match="RuntimeError: half installed; repair or uninstall hub-pager"):
        found.load()


def test_what_is_not_configured_is_not_imported() -> None:
    # Importing slack_sdk or SQLAlchemy for a hub that uses neither costs every command its start.
    program = (
        "import sys; from connectors.registry import Kind, Registry; r = Registry.installed(); "
        "r.names(Kind.SOURCE); r.destination('console'); "
        "print([m for m in ('slack_sdk', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
