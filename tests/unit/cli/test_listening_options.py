"""What `hub ingress` and `hub up` refuse before anything is started."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.cli import group


@pytest.mark.parametrize("command", ["ingress", "up"])
def test_a_certificate_without_its_key_is_refused(command: str, tmp_path: Path) -> None:
    (tmp_path / "chain.pem").touch()

    refused = CliRunner().invoke(group, [command, "--tls-cert", str(tmp_path / "chain.pem")])

    assert (refused.exit_code, "--tls-cert and --tls-key belong together" in refused.output) == (2, True)


@pytest.mark.parametrize("command", ["ingress", "up"])
@pytest.mark.parametrize("named", ["localhost", "127.0.0.1,10.0.0.0/33"])
def test_a_proxy_that_could_never_be_recognised_is_refused(command: str, named: str) -> None:
    refused = CliRunner().invoke(group, [command, "--forwarded-allow-ips", named])

    assert refused.exit_code == 2
    assert f"'{named.rpartition(',')[2]}' does not appear to be an IPv4 or IPv6 network" in refused.output
    assert "give addresses or networks, or * for all" in " ".join(refused.output.split())
