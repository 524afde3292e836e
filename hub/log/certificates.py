"""The TLS context of a connection to Kafka, from Kafka's own properties. PEM is the only form there is."""

import os
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def ssl_context(properties: Mapping[str, str]) -> ssl.SSLContext:
    """Verifies the broker; shows a client certificate where ``ssl.keystore.*`` has one.

    Raises:
        OSError, ValueError: a file or a text is not PEM, or cannot be read. The message has nothing of a key.
    """
    read = properties.get
    context = ssl.create_default_context(
        cafile=read("ssl.truststore.location"), cadata=read("ssl.truststore.certificates")
    )
    # Without any password OpenSSL would ask for it on the terminal of a service, and wait.
    password = read("ssl.key.password", "")
    if location := read("ssl.keystore.location"):
        context.load_cert_chain(location, password=password)
    elif chain := read("ssl.keystore.certificate.chain"):
        with _as_file(f"{read('ssl.keystore.key', '')}\n{chain}\n") as path:
            context.load_cert_chain(path, password=password)
    context.check_hostname = read("ssl.endpoint.identification.algorithm", "https") != ""
    return context


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path for OpenSSL, which takes no text. On Linux the key never touches a disk, which may be read-only anyway."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("keystore")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp()  # which only we may read
    with os.fdopen(descriptor, "w") as file:
        try:
            file.write(text)
            file.flush()
            yield path
        finally:
            if sys.platform != "linux":
                Path(path).unlink()
