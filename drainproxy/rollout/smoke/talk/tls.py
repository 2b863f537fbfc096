"""The TLS options of a step, and certificate errors in words."""

import ssl
from functools import cache

from drainproxy.config.key_files import load_pair
from drainproxy.rollout.smoke.model import Tls
from drainproxy.rollout.smoke.stage import Failed

# X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, _SELF_SIGNED_CERT_IN_CHAIN,
# _UNABLE_TO_GET_ISSUER_CERT_LOCALLY, _UNABLE_TO_VERIFY_LEAF_SIGNATURE
_UNKNOWN_CA = (18, 19, 20, 21)


@cache
def context(tls: Tls) -> ssl.SSLContext:
    """Who is trusted; Failed, naming the file, if one cannot be read. Made once: to read the usual
    authorities takes tens of milliseconds."""
    file = tls.ca
    try:
        made = ssl.create_default_context(cafile=tls.ca or None)
        file = tls.cert
        if tls.cert:
            load_pair(made, tls.cert, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise Failed(f"tls: {file!r}: {_reason(error)}") from None
    if tls.insecure:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def certificate_problem(error: ssl.SSLCertVerificationError, host: str) -> str:
    """Why the certificate of a host is not good."""
    problem = f"the certificate of {host} is not valid: {error.verify_message.rstrip('.')}"
    if error.verify_code not in _UNKNOWN_CA:
        return problem
    return f"{problem} (a CA of your own goes into tls: {{ca: FILE}} or --ca)"


def tls_problem(error: ssl.SSLError, host: str) -> str:
    """Why there is no TLS with a host."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate_problem(error, host)
    return f"no TLS with {host}: {_reason(error)}"


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return error.strerror or str(error)
