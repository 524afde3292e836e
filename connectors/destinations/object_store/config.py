"""What people write for ``type: object_store``."""

from datetime import timedelta
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.api import DestinationConfig, Duration
from connectors.destinations.object_store.path import PathTemplate

LONGEST_KEY = 1024
"""Bytes; of S3 and Google Cloud Storage, and Azure's too."""

NAME_BUDGET = 300
"""Bytes for what the hub puts around a path: ``run=…/`` before it, topic, partition and offset behind it."""


LONGEST_ENDING = 8
"""Bytes, such as `.parquet`."""


class Cloud(StrEnum):
    """Where a URL leads."""

    S3 = "s3"
    GOOGLE = "gs"
    AZURE = "az"
    FOLDER = "file"


class Format(StrEnum):
    JSONL = "jsonl"
    JSONL_GZ = "jsonl.gz"
    JSONL_ZST = "jsonl.zst"
    PARQUET = "parquet"
    RAW = "raw"


class Encryption(StrEnum):
    SSE_S3 = "AES256"
    SSE_KMS = "aws:kms"


_OF_CLOUD = {
    Cloud.S3: (
        "endpoint",
        "region",
        "path_style",
        "encryption",
        "kms_key",
        "access_key_id",
        "secret_access_key",
        "session_token",
        "profile",
    ),
    Cloud.GOOGLE: ("service_account",),
    Cloud.AZURE: ("endpoint", "account", "account_key", "sas_token"),
    Cloud.FOLDER: (),
}


class StoreConfig(DestinationConfig):
    """Where a store is, and who may write there."""

    url: str = Field(
        description="`s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, or a folder: `file:///PATH`, "
        "or `NAME` below the hub's data folder (`.hub`)."
    )
    request_timeout: Duration = Field(
        timedelta(seconds=25),
        ge=timedelta(milliseconds=100),
        le=timedelta(hours=1),
        description="Longest time for one request. Keep it under the destination's `timeout`.",
    )
    endpoint: str | None = Field(
        None, description="Of a store that is not Amazon's or Microsoft's own, such as `https://minio.example.com`."
    )
    region: str | None = Field(None, description="S3: the bucket's region. Default: AWS_REGION, else us-east-1.")
    path_style: bool = Field(
        default=True, description="S3: the bucket in the path of a request; `false`: in the name of the host."
    )
    encryption: Encryption | None = Field(
        None, description="S3: server-side encryption to ask for. Default: what the bucket says."
    )
    kms_key: str | None = Field(None, description="S3: the key for `aws:kms`, its id or ARN.")
    access_key_id: SecretStr | None = Field(
        None,
        description="S3: access key. It changes with its secret, so it may be in a file as well. Default: the usual "
        "chain (environment, web identity, container, instance).",
    )
    secret_access_key: SecretStr | None = Field(None, description="S3: its secret.")
    session_token: SecretStr | None = Field(None, description="S3: the token of temporary keys.")
    profile: str | None = Field(
        None,
        description="S3: a profile of `~/.aws/config`, single sign-on included. Needs `pip install event-hub[aws]`.",
    )
    service_account: SecretStr | None = Field(
        None,
        description="Google: a service account's key as JSON text. Default: application default credentials.",
    )
    account: str | None = Field(None, description="Azure: the storage account. Default: AZURE_STORAGE_ACCOUNT_NAME.")
    account_key: SecretStr | None = Field(
        None, description="Azure: its key. Default: the usual chain (environment, workload and managed identity)."
    )
    sas_token: SecretStr | None = Field(None, description="Azure: a shared access signature.")

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        scheme, colon, _ = url.partition("://")
        if colon and scheme not in set(Cloud):
            raise ValueError(f"no store is called {scheme}://; expected s3://, gs://, az://, file:// or a folder")
        if colon and scheme != Cloud.FOLDER and not urlsplit(url).netloc:
            raise ValueError(f"a bucket is missing; write {scheme}://BUCKET/PREFIX")
        if not url or (not colon and any(part in {"", ".", ".."} for part in url.strip("/").split("/"))):
            raise ValueError("not a folder's name; write NAME, or file:///PATH for a place outside the data folder")
        if urlsplit(url).username or urlsplit(url).query:
            raise ValueError("keys and options do not belong into the URL; they have options of their own")
        return url

    @field_validator("endpoint")
    @classmethod
    def _web_address(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and not (endpoint.startswith(("http://", "https://")) and urlsplit(endpoint).netloc):
            raise ValueError("not an address; write https://HOST:PORT")
        return endpoint

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        mine = _OF_CLOUD[self.cloud]
        for name in {option for options in _OF_CLOUD.values() for option in options} & self.model_fields_set:
            if name not in mine:
                raise ValueError(f"`{name}` means nothing for {self.cloud}://; leave it out")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("`access_key_id` and `secret_access_key` belong together; write both, or neither")
        if self.profile is not None and self.access_key_id is not None:
            raise ValueError("`profile` and `access_key_id` are two ways to one key; write one")
        if self.kms_key is not None and self.encryption is not Encryption.SSE_KMS:
            raise ValueError("`kms_key` is for `encryption: aws:kms`")
        if self.profile is not None:
            need("boto3", "aws")
        return self

    def check_key(self, longest: int) -> None:
        """Raise ValueError where ``longest`` bytes below the URL could be more than a store takes."""
        longest += len(self.prefix.encode())
        if longest > LONGEST_KEY:
            raise ValueError(
                f"a key could have {longest} bytes, and stores take {LONGEST_KEY}; shorten `path` or the URL's prefix"
            )

    @property
    def cloud(self) -> Cloud:
        scheme, colon, _ = self.url.partition("://")
        return Cloud(scheme) if colon else Cloud.FOLDER

    @property
    def bucket(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        """What every key begins with, without a slash at its ends; empty for a folder."""
        return "" if self.cloud is Cloud.FOLDER else urlsplit(self.url).path.strip("/")

    def folder(self, home: Path) -> Path:
        """Where a folder's objects are: below ``home`` unless the URL says otherwise."""
        return Path(urlsplit(self.url).path) if "://" in self.url else home.absolute() / self.url


class ObjectStoreConfig(StoreConfig):
    """Options of ``type: object_store``."""

    format: Format = Field(
        Format.JSONL_ZST,
        description="One line or row for each event; `raw`: one object for each, with nothing but the bytes received. "
        "`parquet` needs `pip install event-hub[parquet]`.",
    )
    path: PathTemplate = Field(
        PathTemplate("{source}/{type}/date={time:%Y-%m-%d}"),
        title="path",
        description="Path of an event below the URL. Fields: source, type, endpoint, subject, id, route, "
        "metadata.NAME, and time:FORMAT or received:FORMAT in UTC, such as {time:%Y-%m-%d}.",
    )

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.format is Format.PARQUET:
            need("pyarrow", "parquet")
        self.check_key(self.path.longest + NAME_BUDGET)
        return self


class ObjectConfig(StoreConfig):
    """Options of ``type: object``."""

    path: PathTemplate = Field(
        PathTemplate("{source}/{type}/{id}"),
        title="path",
        description="Key of an object below the URL, before its ending; two deliveries with one key: the later one "
        "stays. Fields: as those of `object_store`.",
    )

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if not self.path.source:
            raise ValueError("an object needs a name; write a `path`, like {source}/{type}/{id}")
        self.check_key(self.path.longest + LONGEST_ENDING)
        return self


def need(package: str, extra: str) -> None:
    """Raise ValueError where a package of an extra is missing."""
    if find_spec(package) is None:
        raise ValueError(f"{package} is not installed; run: pip install 'event-hub[{extra}]'")
