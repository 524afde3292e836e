"""A configuration that cannot work is refused when it is read, without a word of what may be secret."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from connectors.destinations.http import HttpConfig, HttpOptions


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"url": ""},
        {"url": "hooks.example.com/x"},
        {"url": "ftp://h.example/"},
        {"url": "https:///x"},
        {"url": "https://h.example:99999/"},
        {"url": "https://h.example:0/"},
        {"url": "https://h.example/a b"},
        {"url": "https://h\u00e4.example/"},
        {"url": "https://h.example/\r\nX: 1"},
        {"url": "https://user@h.example/", "headers": {"AUTHORIZATION": "x"}},
        {"method": "GET"},
        {"secrets": []},
        {"secrets": ["", ""]},
        {"secrets": ["whsec_t0p not base64"]},
        {"headers": {"webhook-id": "x"}},
        {"headers": {"Ce-Type": "x"}},
        {"headers": {"Host": "x"}},
        {"headers": {"content-length": "1"}},
        {"headers": {"X-A": "1", "x-a": "2"}},
        {"headers": {"X A": "1"}},
        {"headers": {"": "1"}},
        {"headers": {"X-A": "t0p\n"}},
        {"headers": {"X-A": "t0p\u00e4"}},
        {"headers": {"X-A": "{{ t0p"}},
        {"body": 5},
        {"body": {"a": "{{ open"}},
        {"body": {"a": object()}},
        {"request_timeout": "0s"},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(config: Mapping[str, object]) -> None:
    url = {} if config == {} else {"url": "https://h.example/"}
    with pytest.raises(ValidationError) as caught:
        HttpConfig.model_validate({**url, **config})
    assert "t0p" not in str(caught.value)


def test_a_body_nests_no_deeper_than_can_be_written() -> None:
    body: list[object] = []
    for _ in range(200):
        body = [body]
    with pytest.raises(ValidationError, match="nests deeper"):
        HttpOptions.model_validate({"body": body})
