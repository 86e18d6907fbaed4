"""What somebody elsewhere may have watched: never what only this machine can reach."""

import socket
from pathlib import Path

import pytest

from pipeline.control.sources import SourcePolicy, check_source
from pipeline.errors import UsageError

DNS = {
    "camera.example": ["192.168.1.20"],
    "public.example": ["8.8.8.8", "2001:4860:4860::8888"],
    "rebound.example": ["8.8.8.8", "127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
}


def lookup(host: str) -> list[str]:
    """The addresses above; numbers in any form are what the system takes them for, as in FFmpeg."""
    if host in DNS:
        return DNS[host]
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)]


def checked(uri: str, **policy: object) -> str:
    return check_source(uri, SourcePolicy(**policy), lookup)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "uri",
    [
        "rtsp://camera.example/1",
        "rtsp://user:secret@10.0.0.3:554/stream",
        "https://[fd12::1]/live.m3u8",
        "http://public.example/a%20b.mp4",
        "synthetic://seed=1",
        "/dev/video0",
    ],
)
def test_cameras_and_servers_may_be_watched(uri: str) -> None:
    assert checked(f" {uri} ") == uri


@pytest.mark.parametrize(
    ("host", "why"),
    [
        *(
            (host, "this machine itself")
            for host in ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0", "[::1]", "[::]")
        ),
        *((host, "this machine itself") for host in ("[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]")),
        ("rebound.example", "this machine itself"),
        ("169.254.1.1", "link-local"),
        ("[fe80::1]", "link-local"),
        ("metadata.google.internal", "tells its machines secrets"),
        ("100.100.100.200", "tells its machines secrets"),
        ("[fd00:ec2::254]", "tells its machines secrets"),
        ("224.0.0.1", "no address of one machine"),
        ("255.255.255.255", "no address of one machine"),
        ("nowhere.example", "cannot be looked up"),
    ],
)
@pytest.mark.parametrize("form", ["http://{}/x", "rtsp://user:pass@{}:554/1"])
def test_what_only_this_machine_reaches_may_not(host: str, why: str, form: str) -> None:
    with pytest.raises(UsageError, match=why):
        checked(form.format(host))


def test_private_networks_are_refused_where_the_setting_says_so() -> None:
    assert checked("rtsp://public.example/1", private=False)
    for host in ("10.0.0.3", "192.168.1.20", "[fd12::1]", "camera.example"):
        with pytest.raises(UsageError, match=r"private network \(api.private_sources\)"):
            checked(f"rtsp://{host}/1", private=False)


@pytest.mark.parametrize(
    "uri",
    [
        "http://public.example\\@127.0.0.1/",
        "http://public.example\n.evil/",
        "http://pub lic.example/",
        "http://a\x00b/",
    ],
)
def test_what_two_readers_of_urls_read_differently_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="no blanks, backslashes or control"):
        checked(uri)


@pytest.mark.parametrize(
    "uri", ["gopher://public.example/", "concat:/etc/passwd", "data://text/plain", "subfile://x/y"]
)
def test_other_kinds_of_sources_are_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        checked(uri)


@pytest.mark.parametrize("uri", ["http:///x", "rtsp://[::1", "http://user@/x"])
def test_a_uri_that_names_no_host_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="names no host"):
        checked(uri)


def test_schemes_are_the_server_s_choice() -> None:
    with pytest.raises(UsageError, match="allowed are rtsp"):
        checked("http://public.example/x", schemes=("rtsp",))


def test_no_file_is_read_unless_a_folder_is_named(tmp_path: Path) -> None:
    for uri in ("/etc/passwd", "file:///etc/passwd", "films/a.mp4"):
        with pytest.raises(UsageError, match=r"api\.files names no folder"):
            checked(uri)


def test_files_are_read_below_the_folders_only_whatever_their_names_pretend(tmp_path: Path) -> None:
    films, secret = tmp_path / "films", tmp_path / "secret.mp4"
    films.mkdir()
    secret.touch()
    (films / "a.mp4").touch()
    (films / "link.mp4").symlink_to(secret)
    assert checked(f"{films}/a.mp4", files=(str(films),)) == f"{films}/a.mp4"
    assert checked(f"file://{films}/./a.mp4", files=(str(films),)) == f"{films}/a.mp4"
    ways_out = ("link.mp4", "../secret.mp4", "x/../../secret.mp4", "%2e%2e/secret.mp4")
    for uri in (*(f"file://{films}/{way}" for way in ways_out), f"{films}/../secret.mp4", f"{films}-other/a.mp4"):
        with pytest.raises(UsageError, match="not in a folder"):
            checked(uri, files=(str(films),))


@pytest.mark.parametrize("uri", ["/dev/../etc/passwd", "/dev/stdin", "/dev/video0/../../etc/passwd"])
def test_a_device_is_a_camera(uri: str) -> None:
    with pytest.raises(UsageError, match="/dev/videoN"):
        checked(uri)


def test_variables_are_those_that_the_setting_names_and_never_the_place() -> None:
    allowed = ("CAMERA_PASSWORD",)
    assert checked("rtsp://me:${CAMERA_PASSWORD}@10.0.0.3/1", variables=allowed)
    with pytest.raises(UsageError, match=r"\$\{AWS_SECRET\} may not be named here \(api.variables\)"):
        checked("http://public.example/?x=${AWS_SECRET}", variables=allowed)
    for uri in (
        "rtsp://${CAMERA_PASSWORD}/1",
        "${CAMERA_PASSWORD}",
        "${CAMERA_PASSWORD}://10.0.0.3/1",
        "/x/${CAMERA_PASSWORD}",
    ):
        with pytest.raises(UsageError, match="not for where that is"):
            checked(uri, variables=allowed, files=("/x",))
