"""Options that do not fit together are refused, with what would."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.destinations.object_store.config import Cloud, ObjectStoreConfig


def config(**options: Any) -> ObjectStoreConfig:
    return ObjectStoreConfig.model_validate(options)


def test_urls_lead_somewhere(tmp_path: Path) -> None:
    assert config(url="s3://b/x/y/").prefix == "x/y"
    assert config(url="s3://b").bucket == "b"
    assert config(url="gs://b/x").cloud is Cloud.GOOGLE
    assert config(url="az://c/x").cloud is Cloud.AZURE
    assert config(url="file:///var/x").folder(tmp_path) == Path("/var/x")
    assert config(url="archive/all").folder(tmp_path) == tmp_path / "archive/all"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"url": "ftp://x/y"}, "no store is called ftp://"),
        ({"url": "s3:///x"}, "a bucket is missing"),
        ({"url": "../x"}, "not a folder's name"),
        ({"url": ""}, "not a folder's name"),
        ({"url": "s3://key:secret@b/x"}, "do not belong into the URL"),
        ({"url": "gs://b", "region": "x"}, "`region` means nothing for gs://"),
        ({"url": "folder", "secret_access_key": "x"}, "means nothing for file://"),
        ({"url": "s3://b", "account_key": "x"}, "means nothing for s3://"),
        ({"url": "s3://b", "access_key_id": "x"}, "belong together"),
        (
            {"url": "s3://b", "access_key_id": "x", "secret_access_key": "y", "profile": "z"},
            "two ways to one key",
        ),
        ({"url": "s3://b", "kms_key": "x"}, "is for `encryption: aws:kms`"),
        ({"url": "s3://b", "endpoint": "minio:9000"}, "not an address"),
        ({"url": "s3://b", "path": "/".join(["{type}"] * 6)}, "a key could have"),
        ({"url": "s3://b/" + "x" * 500}, "shorten `path` or the URL's prefix"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**options)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("options", "extra"), [({"format": "parquet"}, "event-hub[parquet]"), ({"profile": "x"}, "event-hub[aws]")]
)
def test_what_needs_an_extra_says_so(options: dict[str, Any], extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config(url="s3://b", **options)
    monkeypatch.setattr("connectors.destinations.object_store.config.find_spec", lambda _: None)
    with pytest.raises(ValidationError, match=r"is not installed") as caught:
        config(url="s3://b", **options)
    assert extra in str(caught.value)
