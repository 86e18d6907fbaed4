"""What may be watched by wish of somebody elsewhere, who must not reach through this server what only it can reach.

The commands have no such limits: who can run them on the server can read its files anyhow.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.control.wish import KINDS, Kind, absolute, check_kind, kind_of, references
from pipeline.errors import UsageError
from pipeline.source.names import host_of

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str], Sequence[str]]
"""Returns the addresses of a host's name; raises `OSError` where it has none."""

_DEVICE = re.compile(r"/dev/video\d+")
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
"""Where clouds tell a machine its secrets."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """What is allowed.

    Attributes:
        schemes: kinds of sources.
        files: folders below which videos may be read; none by default.
        variables: names that `${NAME}` in a URI may have; they are of the environment of who opens it.
        private: addresses of private networks, where cameras usually are.
    """

    schemes: tuple[Kind, ...] = KINDS
    files: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    private: bool = True


def addresses_of(host: str) -> list[str]:
    """Return the addresses that this machine knows a host by."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def check_source(uri: str, policy: SourcePolicy, resolve: Resolve = addresses_of) -> str:
    """Return the URI as it may be wished for.

    A host is looked up now; whoever runs its name, or a server that sends its clients elsewhere, may lead to another
    place later. So this keeps users in bounds who know this API only, and is no firewall.

    Raises:
        UsageError: with the setting or the address that is in the way.
    """
    if any(letter == "\\" or letter.isspace() or not letter.isprintable() for letter in uri.strip()):
        raise UsageError("a URI given here has no blanks, backslashes or control characters; write them as %20, %5C, …")
    uri = uri.strip()
    _check_variables(uri, policy)
    check_kind(uri, policy.schemes)
    kind = kind_of(uri)
    if kind == "file":
        return _below(absolute(uri), policy)
    if kind == "device" and not _DEVICE.fullmatch(uri):
        raise UsageError(f"a device given here is /dev/videoN, got {uri!r}")
    if kind not in ("device", "synthetic"):
        _check_host(host_of(absolute(uri)), policy, resolve)
    return uri


def _check_variables(uri: str, policy: SourcePolicy) -> None:
    for name in references(uri):
        if name not in policy.variables:
            allowed = ", ".join(policy.variables) or "none"
            raise UsageError(f"${{{name}}} may not be named here (api.variables); allowed: {allowed}")
    scheme, _, rest = uri.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    if references(scheme) or references(host) or (references(uri) and not rest):
        raise UsageError("a variable stands for a user, a password or a path here, not for where that is")


def _below(path: str, policy: SourcePolicy) -> str:
    """The file behind all links, below one of the folders."""
    if not policy.files:
        raise UsageError(
            "videos in files cannot be given here (api.files names no folder); give a URI, or use the command"
        )
    found = Path(path).resolve()
    if not any(found.is_relative_to(Path(folder).resolve()) for folder in policy.files):
        raise UsageError(
            f"{path!r} is not in a folder that may be read from here (api.files): {', '.join(policy.files)}"
        )
    return str(found)


def _check_host(host: str, policy: SourcePolicy, resolve: Resolve) -> None:
    try:
        found = resolve(host)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no name of a host"
        raise UsageError(f"{host!r} cannot be looked up here ({reason}), so it cannot be told where it leads") from None
    for address in found:
        for one in _meant(ipaddress.ip_address(address.partition("%")[0])):
            if why := _why_not(one, policy):
                leads = "" if address == host else f", where {host!r} leads,"
                raise UsageError(f"{address}{leads} is {why}, and may not be watched by wish of another machine")


def _meant(address: Address) -> list[Address]:
    """Those that are written within an address, and itself."""
    inner: list[Address | None] = []
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [*(one for one in inner if one is not None), address]


def _why_not(address: Address, policy: SourcePolicy) -> str:
    """What is wrong with an address, empty for nothing."""
    if address in _METADATA:
        return "where a cloud tells its machines secrets"
    if address.is_unspecified or address.is_loopback:
        return "this machine itself"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast or (address.version == 4 and address.is_reserved):
        return "no address of one machine"
    if address.is_private and not policy.private:
        return "in a private network (api.private_sources)"
    return ""
