"""``enrichments:`` of ``hub.yaml``: what may be fetched for deliveries, and where it is kept."""

from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from connectors.api import ConfigModel, Duration, Size

_SCHEMES = ("file", "s3", "gs", "az")


class EnrichmentsConfig(ConfigModel):
    """What ``enrich`` of routes fetches: how much, and where it is kept."""

    url: str | None = Field(
        None,
        description="Where results are kept: `s3://BUCKET/PREFIX`, `gs://…`, `az://…` or `file:///PATH`; credentials "
        "as the cloud's tools find them. Several machines need one for all. Default: `enrichments` in the hub's data "
        "folder.",
    )
    max_result: Size = Field(
        10_000_000, gt=0, le=250_000_000, description="Largest result that is fetched; a larger one is a dead letter."
    )
    max_inline: Size = Field(
        256_000,
        gt=0,
        le=10_000_000,
        description="A larger one stays where it is kept: templates see its `result_file` and no `result`.",
    )
    timeout: Duration = Field(
        timedelta(seconds=30),
        ge=timedelta(milliseconds=100),
        le=timedelta(hours=1),
        description="Longest time for fetching one.",
    )
    retention: Duration = Field(
        timedelta(days=30), ge=timedelta(minutes=1), description="How long they are kept; replays need them."
    )

    @field_validator("url")
    @classmethod
    def _supported(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES or not (parts.netloc if parts.scheme != "file" else parts.path.strip("/")):
            raise ValueError("not a place for results; write s3://BUCKET/PREFIX, gs://…, az://… or file:///PATH")
        if parts.scheme == "file" and parts.netloc:
            raise ValueError("a folder of this machine has three slashes: file:///PATH")
        if parts.query or parts.username is not None:
            raise ValueError("keys and options do not belong into the URL; the environment has them")
        return url
