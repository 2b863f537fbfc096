"""Fetches manifests from URLs."""

from typing import Final
from urllib.parse import quote, urlsplit

from drainproxy.config.urls import authorization, without_user

# Seconds, and bytes. The largest manifests that people publish have about 5 MB.
_PATIENCE: Final = 30.0
LARGEST: Final = 64 << 20
# What RFC 3986 lets stand in a path or query, percent signs of what is encoded already among it.
_SAFE: Final = "/:?#[]@!$&'()*+,;=-._~%"


def is_url(path: str) -> bool:
    """Whether it is one that is fetched; schemes have no case (RFC 3986, section 3.1)."""
    return path.lower().startswith(("http://", "https://"))


def fetched(url: str) -> bytes:
    """What is there; OSError or ValueError, with nothing secret of the URL in it, if nothing is.

    A user and password in the URL are sent as Basic authorization (RFC 7617), and to no other
    server to which this one leads on.
    """
    from http.client import HTTPException, InvalidURL  # only who names a URL pays for the imports
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    parts = urlsplit(url)
    plain = without_user(parts._replace(fragment="")).geturl()
    request = Request(quote(plain, safe=_SAFE))  # noqa: S310 - http and https alone
    if (credentials := authorization(parts)) is not None:
        request.add_unredirected_header("Authorization", credentials)
    try:
        with urlopen(request, timeout=_PATIENCE) as response:  # noqa: S310 - as above
            data: bytes = response.read(LARGEST + 1)
            # In part it might be read all the same, without the Service that stands at its end.
            missing = response.length or 0
    except HTTPError as error:
        error.close()
        raise ValueError(f"the server answers {error.code} {error.reason}") from None
    except InvalidURL:
        raise ValueError("its host or port cannot be read") from None
    except HTTPException as error:
        raise ValueError(f"no answer that can be read: {error!r}") from None
    if len(data) > LARGEST:
        raise ValueError(f"has more than {LARGEST >> 20} MiB")
    if missing:
        raise ValueError(f"the answer breaks off, {missing:,} bytes before its end")
    return data
