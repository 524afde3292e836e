"""What people write for ``type: slack``, and in a route's ``with``."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from connectors.api import DestinationConfig, Options, Template

_DEFAULT_TEXT = "*{{ type }}* from {{ source }}{% if subject %}: {{ subject }}{% endif %}"


def _http_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("https://", "http://")):
        raise ValueError("not a URL; it starts with https://")
    return url


def _token(token: SecretStr) -> SecretStr:
    value = token.get_secret_value()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("not a token; a bot's token looks like xoxb-…")
    return token


class SlackConfig(DestinationConfig):
    """Options of ``type: slack``: either ``webhook_url``, or ``token`` and a ``channel``."""

    webhook_url: Annotated[SecretStr, AfterValidator(_http_url)] | None = Field(
        None, description="Incoming webhook, `https://hooks.slack.com/services/…` or a compatible one. It is a secret."
    )
    token: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        None, description="Bot token (`xoxb-…`) with the scope `chat:write`, to call the Web API."
    )
    api_url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] = Field(
        "https://slack.com/api/", description="Base of the Web API; another one for what is compatible with Slack."
    )
    channel: Template | None = Field(
        None, description="Channel to post to, with `token`: an id such as `C0123456789`, or a template of it."
    )
    text: Template = Field(Template(_DEFAULT_TEXT), description="Message, a template. Slack's mrkdwn works in it.")

    @model_validator(mode="after")
    def _one_way_in(self) -> "SlackConfig":
        if (self.webhook_url is None) == (self.token is None):
            raise ValueError("write either webhook_url (an incoming webhook) or token (the Web API)")
        return self


class SlackOptions(Options):
    """What a route may set with ``with``."""

    text: Template | None = Field(None, description="Message of this route, a template; else the destination's.")
    channel: Template | None = Field(None, description="Channel of this route, a template; else the destination's.")
