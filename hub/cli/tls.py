"""``--tls-cert`` and ``--tls-key``, for the commands that listen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hub.serving.certificate import CertificateFiles

CommandT = TypeVar("CommandT", bound=Callable[..., Any] | click.Command)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def tls_options(command: CommandT) -> CommandT:
    """Adds both options; give their values to `certificate`."""
    key = click.option("--tls-key", type=_FILE, help="Its private key, PEM.")
    chain = click.option("--tls-cert", type=_FILE, help="Certificate chain, PEM; a renewed one is used at once.")
    return chain(key(command))


def certificate(tls_cert: Path | None, tls_key: Path | None) -> CertificateFiles | None:
    """None where no TLS is wanted; a usage error where only one of them is given."""
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together; give both")
    return CertificateFiles(tls_cert, tls_key) if tls_cert and tls_key else None
