"""Certificates with their keys, as files hold them."""

import os
import ssl


def load_pair(
    context: ssl.SSLContext, cert: str | os.PathLike[str], key: str | os.PathLike[str] | None = None
) -> None:
    """Into the context, from two files or from one; OSError if they cannot be read, or if the key
    has a password.

    Without one that is given OpenSSL would ask for it on the terminal, or on standard input, and
    block everything until somebody answers.
    """
    asked = []

    def no_password() -> str:
        asked.append(True)
        return ""

    try:
        context.load_cert_chain(cert, key, password=no_password)
    except ssl.SSLError:
        if not asked:
            raise
        # OpenSSL says "PEM lib".
        raise OSError(f"the key in {key or cert} has a password: one without is needed") from None
