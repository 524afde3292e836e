"""``HUB_*`` in the environment."""

from pathlib import Path

import pytest

from hub.config.settings import SETTINGS, LogFormat, LogLevel, Settings, SettingsError, read_settings


def test_nothing_is_needed() -> None:
    assert read_settings({"PATH": "/bin", "HUB_KAFKA": ""}) == Settings()


def test_every_setting_is_read() -> None:
    found = read_settings(
        {
            "HUB_HOME": "/var/lib/hub",
            "HUB_KAFKA": "a:9092,b:9093",
            "HUB_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "HUB_KAFKA_SASL_MECHANISM": "PLAIN",
            "HUB_ALLOW_PRIVATE": "1",
            "HUB_LOG_LEVEL": "DEBUG",
            "HUB_LOG_FORMAT": "json",
            "HUB_JAVA": "/opt/java",
        }
    )
    assert found == Settings(
        home=Path("/var/lib/hub"),
        kafka="a:9092,b:9093",
        kafka_properties={"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"},
        allow_private=True,
        log_level=LogLevel.DEBUG,
        log_format=LogFormat.JSON,
        java=Path("/opt/java"),
    )


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("HUB_KAFKA", "localhost", "HUB_KAFKA: 'localhost' is no address; write host:port, several with commas"),
        ("HUB_KAFKA", "a:1, b:2", "HUB_KAFKA: 'a:1, b:2' is no address; write host:port, several with commas"),
        ("HUB_ALLOW_PRIVATE", "yes", "HUB_ALLOW_PRIVATE: 'yes' is neither 1 nor 0"),
        (
            "HUB_LOG_LEVEL",
            "warn",
            "HUB_LOG_LEVEL: expected debug, info, warning, error, not 'warn'; did you mean `warning`?",
        ),
        ("HUB_LOG_FORMAT", "xml", "HUB_LOG_FORMAT: expected text, json, not 'xml'"),
    ],
)
def test_a_value_that_means_nothing_names_its_variable(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings({variable: value})
    assert str(raised.value) == message


def test_a_variable_that_means_nothing_is_worth_a_warning() -> None:
    found = read_settings({"HUB_HOEM": "/x", "HUB_XYZZY": "1", "HUB_KAFKA_CLIENT_ID": "x"})
    assert found.unknown == (
        "HUB_HOEM is not a setting of the hub; did you mean `HUB_HOME`?",
        "HUB_XYZZY is not a setting of the hub",
    )


def test_secrets_are_in_no_repr() -> None:
    found = read_settings({"HUB_KAFKA_SASL_PASSWORD": "hunter3"})
    assert "hunter" not in repr(found)


def test_every_setting_is_documented() -> None:
    assert all(each.description.endswith(".") for each in SETTINGS)


def test_the_password_for_kafka_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    found = read_settings({"HUB_KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password"), "HUB_KAFKA_SASL_USERNAME": "u"})
    assert found.kafka_properties == {"sasl.password": "from a file", "sasl.username": "u"}
    assert found.unknown == ()


def test_a_password_file_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"

    def refusal(**more: str) -> str:
        with pytest.raises(SettingsError) as raised:
            read_settings({"HUB_KAFKA_SASL_PASSWORD_FILE": str(path), **more})
        return str(raised.value)

    assert refusal() == f"HUB_KAFKA_SASL_PASSWORD_FILE: {path} cannot be read: No such file or directory"
    path.write_text("\n")
    assert refusal() == f"HUB_KAFKA_SASL_PASSWORD_FILE: {path} is empty"
    both = "HUB_KAFKA_SASL_PASSWORD and HUB_KAFKA_SASL_PASSWORD_FILE are both set; keep one"
    assert refusal(HUB_KAFKA_SASL_PASSWORD="a") == both
