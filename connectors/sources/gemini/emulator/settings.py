"""How an emulator behaves, as its command line says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.sources.gemini.emulator.faults import Fault
from connectors.sources.gemini.emulator.lifecycle import IdForm, MetadataPlace
from connectors.sources.gemini.emulator.records import Outcome
from connectors.sources.gemini.emulator.scenario import Scenario
from connectors.sources.gemini.emulator.signing import DynamicSignature


@dataclass(frozen=True, slots=True)
class Settings:
    """``base_url``: where clients reach it, without a slash at the end. ``timeout`` and ``slow_for``: real seconds of
    one attempt, and that a slow one's second half comes late; ``disable_after``: deliveries in a row given up.
    ``api_key``: the only one that is accepted, or None for any.
    """

    base_url: str
    seed: int = 0
    scenario: Scenario = field(default_factory=Scenario)
    outcomes: Mapping[Outcome, float] = field(default_factory=lambda: {Outcome.SUCCEED: 1.0})
    faults: Mapping[Fault, float] = field(default_factory=dict)
    signature: DynamicSignature = DynamicSignature.V1A
    audience: str = "hub"
    metadata_place: MetadataPlace = MetadataPlace.TOP
    id_form: IdForm = IdForm.NAME
    disable_after: int = 5
    timeout: float = 15.0
    slow_for: float = 3.0
    allow_public_targets: bool = False
    api_key: str | None = None

    @property
    def jwks_url(self) -> str:
        return f"{self.base_url}/.well-known/jwks.json"
