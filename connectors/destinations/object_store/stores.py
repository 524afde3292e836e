"""From the options to a client of the store."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from connectors.destinations.object_store.config import Cloud, StoreConfig
from connectors.stores import ONE_RETRY, USER_AGENT, http_by_environment

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore


def make_store(config: StoreConfig, home: Path) -> "ObjectStore":
    """A client; nothing is sent yet. What the options leave out comes from each cloud's usual chain.

    Raises what `connectors.destinations.object_store.errors.FOREIGN` lists.
    """
    if config.cloud is Cloud.FOLDER:
        return LocalStore(config.folder(home), mkdir=True)
    client, retry = _client(config), ONE_RETRY
    prefix = config.prefix or None
    if config.cloud is Cloud.GOOGLE:
        return GCSStore(config.bucket, prefix=prefix, client_options=client, retry_config=retry, **_google(config))
    if config.cloud is Cloud.AZURE:
        return AzureStore(config.bucket, prefix=prefix, client_options=client, retry_config=retry, **_azure(config))
    return S3Store(config.bucket, prefix=prefix, client_options=client, retry_config=retry, **_s3(config))


def _client(config: StoreConfig) -> "ClientConfig":
    by_environment = config.endpoint is None and http_by_environment()
    return {
        "timeout": config.request_timeout,
        "connect_timeout": min(config.request_timeout / 2, timedelta(seconds=10)),
        # The client's options replace what the environment says, beside AWS_ENDPOINT, of them.
        "allow_http": by_environment or (config.endpoint or "").startswith("http://"),
        "user_agent": USER_AGENT,
    }


def _s3(config: StoreConfig) -> dict[str, Any]:
    options: dict[str, Any] = {
        "region": config.region,
        "endpoint": config.endpoint,
        "access_key_id": config.access_key_id and config.access_key_id.get_secret_value(),
        "secret_access_key": config.secret_access_key and config.secret_access_key.get_secret_value(),
        "session_token": config.session_token and config.session_token.get_secret_value(),
        "server_side_encryption": config.encryption and str(config.encryption),
        "sse_kms_key_id": config.kms_key,
        "virtual_hosted_style_request": not config.path_style,
        "credential_provider": _profile(config),
    }
    return {name: value for name, value in options.items() if value is not None}


def _profile(config: StoreConfig) -> Any:
    if config.profile is None:
        return None
    # boto3 takes a second and 30 MB, and comes with an extra.
    import boto3  # noqa: PLC0415
    from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415

    return Boto3CredentialProvider(boto3.session.Session(profile_name=config.profile))


def _google(config: StoreConfig) -> dict[str, Any]:
    return {} if config.service_account is None else {"service_account_key": config.service_account.get_secret_value()}


def _azure(config: StoreConfig) -> dict[str, Any]:
    options = {
        "account_name": config.account,
        "account_key": config.account_key and config.account_key.get_secret_value(),
        "sas_key": config.sas_token and config.sas_token.get_secret_value(),
        "endpoint": config.endpoint,
    }
    return {name: value for name, value in options.items() if value is not None}
