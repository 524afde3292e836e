"""The base of everything people write in ``hub.yaml``: unknown keys are errors, values are frozen."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from connectors.expression import Expression
from schemas.quantities import Duration, Size


class ConfigModel(BaseModel):
    """Options of a connector. Every field has a description: the reference in the documentation is made of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _without_empty(secrets: object) -> object:
    return [secret for secret in secrets if secret != ""] if isinstance(secrets, list) else secrets


Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_without_empty)]
"""A list of secrets. Empty ones are skipped, so that ``${NEXT_SECRET:-}`` may be unset between rotations."""


class SourceConfig(ConfigModel):
    """What every source understands, whatever its type."""

    max_body: Size = Field(1_000_000, gt=0, description="Largest body accepted; a larger one is answered 413.")
    metadata: dict[str, Expression] = Field(
        default_factory=dict,
        description="Metadata to map out of the body: name → JMESPath expression over the parsed body.",
    )


class SignedSourceConfig(SourceConfig):
    """A source whose sender signs with a shared secret."""

    secrets: Secrets = Field(
        min_length=1,
        description="Secrets to verify with; any may match, so that a rotation loses nothing. Empty ones are skipped.",
    )
    tolerance: Duration = Field(
        timedelta(minutes=5), description="How far the signed timestamp may be from now, in either direction."
    )


class DestinationConfig(ConfigModel):
    """What every connector's ``config_model`` builds on. The hub's own options (timeout, batch …) are not here."""

    @property
    def needs_result(self) -> bool:
        """Whether deliveries make sense only with a ``result``: from routes with ``enrich``."""
        return False


class Options(ConfigModel):
    """Base of ``options_model``: what a route may set with ``with``."""
