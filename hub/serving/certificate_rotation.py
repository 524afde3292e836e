"""Follows the files of a TLS certificate, so that a renewed one is used without a restart.

certbot swaps symlinks, cert-manager renames folders, people copy over what is there; none replaces chain and key at the
same instant. So the files are compared by content every few seconds, and until both fit each other the certificate in
use goes on. Handshakes from then on see the new one; open connections keep theirs.
"""

import asyncio
import logging
import ssl
from datetime import datetime, timedelta

from connectors.context import utc_now
from hub.serving.certificate import Certificate, CertificateError, CertificateFiles, load

EVERY = 2.0
"""Seconds between two looks at the files."""

WARN_BEFORE = timedelta(days=7)
_WARN_EVERY = timedelta(days=1)

_log = logging.getLogger(__name__)


class CertificateRotation:
    """The certificate that a listener shows: give it ``context``, and let `follow` run."""

    def __init__(self, files: CertificateFiles) -> None:
        """Raises CertificateError if the files cannot be used now: there is no older certificate to go on with."""
        self._files = files
        self._current = load(files)
        self._seen: tuple[bytes, bytes] | str = self._current.content
        self._complaint: str | None = None
        self._warned: datetime | None = None
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.sni_callback = self._present

    @property
    def current(self) -> Certificate:
        return self._current

    async def follow(self) -> None:
        """Look at the files every EVERY seconds, until cancelled."""
        _tell("the TLS certificate", self._current)
        while True:
            try:
                await asyncio.to_thread(self.look, utc_now())
            except Exception:  # noqa: BLE001  (no longer followed, the certificate would expire in silence)
                _log.exception("cannot look at the TLS certificate")
            await asyncio.sleep(EVERY)

    def look(self, now: datetime) -> None:
        """Use what the files hold if it is new and whole, and warn of what a person must see to. Reads files; not to
        be called from two threads at once.
        """
        try:
            held: tuple[bytes, bytes] | str = self._files.content()
        except CertificateError as error:
            held = str(error)
        if held == self._current.content:
            self._complaint = None
        else:
            self._renew(settled=held == self._seen)
        self._seen = held
        self._warn_of_the_end(now)

    def _renew(self, *, settled: bool) -> None:
        """``settled``: the files have not changed since the last look, so that nobody is in the middle of it."""
        try:
            self._current = load(self._files)
        except CertificateError as error:
            if settled and self._complaint != str(error):
                self._complaint = str(error)
                _log.error(
                    "the new TLS certificate cannot be used, the old one goes on",
                    extra={"reason": self._complaint, "expires": self._current.expires.isoformat()},
                )
        else:
            self._complaint = self._warned = None
            _tell("a new TLS certificate is used", self._current)

    def _warn_of_the_end(self, now: datetime) -> None:
        left = self._current.expires - now
        if left > WARN_BEFORE or (self._warned is not None and now - self._warned < _WARN_EVERY):
            return
        self._warned = now
        what = "the TLS certificate has expired" if left <= timedelta() else "the TLS certificate expires soon"
        extra = {"file": str(self._files.chain), "expires": self._current.expires.isoformat()}
        _log.warning("%s: senders refuse it then; renew the file, no restart is needed", what, extra=extra)

    def _present(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        """Called by OpenSSL for each handshake, whether or not the client names a host."""
        connection.context = self._current.context


def _tell(what: str, certificate: Certificate) -> None:
    extra = {"names": ",".join(certificate.names), "expires": certificate.expires.isoformat()}
    _log.info(what, extra=extra)
