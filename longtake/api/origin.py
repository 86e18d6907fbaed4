"""Whether a request comes from our own page, or from that of a stranger in the same browser."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from longtake.api.gate import Refused


def is_loopback(host: str) -> bool:
    """Tell whether a name or address, as in a URL, can be reached from this machine only."""
    name = host.strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def check_host(headers: Headers) -> None:
    """Make sure that the browser was sent here under a name that nobody else can point at this machine.

    Where nobody is asked for a token, a stranger's page whose name leads to 127.0.0.1 would be as good as ours.

    Raises:
        Refused: it was sent under another name.
    """
    host = headers.get("host", "localhost")
    if not is_loopback(urlsplit(f"//{host}").hostname or ""):
        raise Refused(403, f"as {host!r} this server is open to nobody without a token: longtake tokens add NAME")


def check_origin(headers: Headers, by_cookie: bool) -> None:
    """Make sure that no stranger's page has sent what changes something.

    Browsers say where a page is from; what says nothing is a program, which has no cookie of ours.

    Raises:
        Refused: a stranger's page has sent it, or nobody knows who.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    elif origin is not None:
        ours = urlsplit(origin).netloc == headers.get("host")
    else:
        ours = not by_cookie
    if not ours:
        raise Refused(403, "a page of another site sent this; send Authorization: Bearer TOKEN, or use the page here")
