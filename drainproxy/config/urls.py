"""URLs and the secrets in them: named for people without, and what a client sends of them."""

from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit


def shown(url: str) -> str:
    """The URL without user, password, query and fragment: passwords and signatures stand there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{url.partition(':')[0].lower()}://..."
    return without_user(parts._replace(query="", fragment="")).geturl()


def without_user(parts: SplitResult) -> SplitResult:
    """The same without user and password."""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])


def basic_authorization(user: str, password: str) -> str:
    """The value of `Authorization` (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def authorization(parts: SplitResult) -> str | None:
    """That of the user and password in a URL (RFC 3986, section 3.2.1); None if there are none."""
    if parts.username is None:
        return None
    return basic_authorization(unquote(parts.username), unquote(parts.password or ""))
