"""A TLS certificate for a listener: its chain and its key, read from two PEM files, and only if they fit each other."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509


class CertificateError(ValueError):
    """The files cannot be used. The message says which, and why."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the chain (leaf first) and its key are. Whoever renews them replaces one after the other."""

    chain: Path
    key: Path

    def content(self) -> tuple[bytes, bytes]:
        """Chain and key as they are now. Raises CertificateError if one cannot be read."""
        try:
            return self.chain.read_bytes(), self.key.read_bytes()
        except OSError as error:
            raise CertificateError(f"cannot read {error.filename}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Certificate:
    """A chain and the key that fits it, ready for handshakes; ``content`` is what the files held."""

    context: ssl.SSLContext
    names: tuple[str, ...]
    expires: datetime
    content: tuple[bytes, bytes]


def load(files: CertificateFiles) -> Certificate:
    """Read both files. Blocks for a few milliseconds.

    Raises:
        CertificateError: missing, half written, encrypted, the key is another certificate's, or one of them was
            replaced while they were read.
    """
    content = files.content()
    leaf = _leaf(files.chain, content[0])
    if b"ENCRYPTED" in content[1]:
        raise CertificateError(f"{files.key} has a password, and nobody is there to type it; store it without")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Not loaded into the context in use: a failure would leave it with a chain and no key, and a new key of
        # another kind would leave the old certificate beside the new one.
        context.load_cert_chain(files.chain, files.key, password=_no_password)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error.strerror or str(error)
        raise CertificateError(f"{files.key} and {files.chain} do not make a pair: {reason}") from error
    if files.content() != content:
        raise CertificateError(f"{files.chain} or {files.key} was replaced while it was read")
    return Certificate(context, _names(leaf), leaf.not_valid_after_utc, content)


def _leaf(file: Path, chain: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(chain)
    except ValueError as error:
        raise CertificateError(f"{file} does not begin with a whole PEM certificate: {error}") from error


def _no_password() -> str:
    """Without it OpenSSL asks on the terminal, and everything stands still."""
    return ""


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    """For whom it speaks: its alternative names, or else its subject."""
    try:
        alternatives = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return (leaf.subject.rfc4514_string(),)
    return tuple(str(name.value) for name in alternatives)
