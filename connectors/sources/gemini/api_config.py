"""Where the Gemini API is and who asks: options that all Gemini sources share."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from connectors.model import ConfigModel
from connectors.sources.gemini.account import check_url
from connectors.variable import DefaultVariable

GOOGLE = "https://generativelanguage.googleapis.com"


class GeminiApiConfig(ConfigModel):
    """Receiving needs none of them."""

    api_key: Annotated[SecretStr | None, DefaultVariable("GEMINI_API_KEY")] = Field(
        None,
        description="Key of the Gemini API, for `hub gemini`, `reconcile` and `enrich`. Default: `${GEMINI_API_KEY}`, "
        "if set.",
    )
    base_url: str | None = Field(
        None, description="Another place for the API: `http://127.0.0.1:8931` is where `hub emulate gemini` is."
    )

    @field_validator("base_url")
    @classmethod
    def _url(cls, url: str | None) -> str | None:
        return None if url is None else check_url(url)
