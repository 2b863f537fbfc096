"""The certificate of a TLS server, reloaded whenever its files change."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import NoReturn

from drainproxy.config.key_files import load_pair

# In seconds. The kubelet takes up to a minute to update a mounted Secret.
_LOOK_EVERY = 1.0

log = logging.getLogger("drainproxy.certificates")


class Certificates:
    """A certificate chain and its key (PEM), and the TLS context that has them.

    The context stays the same, so a server that has it shows the new certificate to those who
    connect next, and nobody who is connected notices. `problem` says why a new one is not in force.
    OSError or ssl.SSLError if the files cannot
    be used to begin with.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert = cert
        self._key = key
        self._seen = self._read()
        self.problem = ""
        self.loaded = asyncio.Event()
        self.loaded.set()
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._load(self.context)

    def reload(self) -> bool:
        """Whether the files have changed and were taken.

        A pair that does not fit together (one of them is written first) raises ssl.SSLError and
        changes nothing; so does OSError for a file that is away.
        """
        found = self._read()
        if found == self._seen:
            return False
        # Tried elsewhere first: a failure would leave the context with half of the pair.
        self._load(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
        self._load(self.context)
        self._seen = found
        return True

    async def watch(self, every: float = _LOOK_EVERY) -> NoReturn:
        """Look for ever. What is wrong is logged once, and looked at again."""
        while True:
            await asyncio.sleep(every)
            try:
                if self.reload():
                    log.info("the certificate was reloaded")
                self.problem = ""
            except (OSError, ssl.SSLError) as error:
                if str(error) != self.problem:
                    self.problem = str(error)
                    log.error(
                        "cannot load the new certificate, the old one stays in use: %s", error
                    )

    def _read(self) -> tuple[bytes, bytes]:
        return self._cert.read_bytes(), self._key.read_bytes()

    def _load(self, context: ssl.SSLContext) -> None:
        load_pair(context, self._cert, self._key)
