"""Opening: what is told of a good source, and one clear error for each bad one."""

import time
import traceback
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import SourceError, SourceNotFound, SourceRefused, SourceTimeout, SourceUnreadable
from pipeline.source import SourceSettings, open_source
from tests.decode.films import film, steady
from tests.source.servers import Answer, hang_up, http, rtsp, serving, silence

HASTY = SourceSettings(open_timeout_s=0.5, read_timeout_s=0.5)
ENCRYPTED = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}
BASIC = 'WWW-Authenticate: Basic realm="cam"\r\n'
DIGEST = 'WWW-Authenticate: Digest realm="cam", nonce="0123456789abcdef"\r\n'


def test_what_the_container_declares_is_told(tmp_path: Path) -> None:
    with open_source(str(film(tmp_path / "film.mp4", steady(50)))) as source:
        info = source.info
        assert sum(1 for _ in source) == 50
    assert (info.kind, info.live, info.codec, info.pix_fmt) == ("file", False, "h264", "yuv420p")
    assert (info.width, info.height, info.average_rate, info.nominal_rate) == (128, 96, 25.0, 25.0)
    assert info.duration_s == pytest.approx(2.0, abs=0.05)
    assert info.start_wall_s is None


def test_a_colon_in_a_file_name_is_no_protocol(tmp_path: Path) -> None:
    film(tmp_path / "plain.mp4", steady(5)).rename(tmp_path / "cam:1.mp4")
    with open_source(str(tmp_path / "cam:1.mp4")) as source:
        assert source.info.uri == str(tmp_path / "cam:1.mp4")
        assert sum(1 for _ in source) == 5


def bad_files(folder: Path) -> dict[str, tuple[Path, type[SourceError], str]]:
    whole = film(folder / "whole.mp4", steady(50))
    contents = {
        "zero.mp4": b"",
        "text.mp4": b"hello world\n" * 500,
        "noise.mp4": np.random.default_rng(0).bytes(50_000),
        "cut.mp4": whole.read_bytes()[: whole.stat().st_size // 3],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    avi = film(folder / "known.avi", steady(50), codec="mpeg4", ticks=25, options={"bf": "0"}).read_bytes()
    (folder / "strange.avi").write_bytes(avi.replace(b"FMP4", b"ZZ9Z"))
    film(folder / "locked.mp4", steady(50), container_options=ENCRYPTED)
    with av.open(str(folder / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    return {
        "missing": (folder / "missing.mp4", SourceNotFound, "there is no file"),
        "zero bytes": (folder / "zero.mp4", SourceUnreadable, r"is empty \(0 bytes\)"),
        "not a video": (folder / "text.mp4", SourceUnreadable, "cannot be read as a video"),
        "noise": (folder / "noise.mp4", SourceUnreadable, "cannot be read as a video"),
        "truncated": (folder / "cut.mp4", SourceUnreadable, "is a truncated MP4: its index is missing"),
        "encrypted": (folder / "locked.mp4", SourceUnreadable, "is encrypted; decrypt it first"),
        "unknown codec": (folder / "strange.avi", SourceUnreadable, "in a video codec that this FFmpeg cannot decode"),
        "audio only": (folder / "sound.wav", SourceUnreadable, "holds no video, only audio"),
        "device": (Path("/dev/video99"), SourceNotFound, "there is no file"),
    }


def test_each_bad_file_is_one_clear_error(tmp_path: Path) -> None:
    for name, (path, error, says) in bad_files(tmp_path).items():
        with pytest.raises(error, match=says) as raised, open_source(str(path)) as source:
            list(source)
        assert str(path) in str(raised.value), name
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("scheme", "answer", "error", "says"),
    [
        ("rtsp", silence, SourceTimeout, "sent nothing for 0.5 s"),
        ("http", silence, SourceTimeout, "sent nothing for 0.5 s"),
        ("rtsp", rtsp("401 Unauthorized", BASIC), SourceRefused, "refuses these credentials"),
        ("rtsp", rtsp("401 Unauthorized", DIGEST), SourceRefused, "refuses these credentials"),
        ("http", http("401 Unauthorized", BASIC + "Content-Length: 0\r\n"), SourceRefused, "refuses these credentials"),
        ("http", http("403 Forbidden", "Content-Length: 0\r\n"), SourceRefused, "refuses these credentials"),
        ("rtsp", rtsp("404 Not Found"), SourceNotFound, "there is nothing at"),
        ("http", http("404 Not Found", "Content-Length: 0\r\n"), SourceNotFound, "there is nothing at"),
        ("http", http("500 Oops", "Content-Length: 0\r\n"), SourceError, "."),
        ("rtsp", hang_up, SourceError, "."),
        ("http", hang_up, SourceError, "."),
        ("http", http("200 OK", "Content-Length: 100000\r\n", bytes(100)), SourceTimeout, "sent nothing for 0.5 s"),
        ("http", http("200 OK", "Content-Length: 9\r\n", b"<p>hi</p>"), SourceUnreadable, "cannot be read as a video"),
    ],
)
def test_a_misbehaving_server_is_one_clear_error_in_time(
    scheme: str, answer: Answer, error: type[SourceError], says: str
) -> None:
    with serving(answer) as port:
        began_s = time.monotonic()
        with pytest.raises(error, match=says) as raised:
            open_source(f"{scheme}://admin:topsecret@127.0.0.1:{port}/live?token=topsecret", HASTY)
        assert time.monotonic() - began_s < 3
    _holds_no_secret(raised.value)


def test_nothing_listening_is_told_without_the_password() -> None:
    with serving(silence) as port:
        pass
    for scheme in ("rtsp", "http"):
        with pytest.raises(SourceNotFound, match="nothing listens") as raised:
            open_source(f"{scheme}://admin:topsecret@127.0.0.1:{port}/live", HASTY)
        _holds_no_secret(raised.value)


def _holds_no_secret(error: BaseException) -> None:
    printed = "".join(traceback.format_exception(error, chain=True))
    source_lines = "".join(line for line in printed.splitlines() if "open_source(f" not in line)
    assert "topsecret" not in source_lines
    assert error.__context__ is None and error.__cause__ is None


def test_a_film_served_over_http_is_read(tmp_path: Path) -> None:
    content = film(tmp_path / "film.ts", steady(25)).read_bytes()
    with (
        serving(http("200 OK", f"Content-Length: {len(content)}\r\n", content)) as port,
        open_source(f"http://127.0.0.1:{port}/film.ts", HASTY) as source,
    ):
        assert (source.info.kind, source.info.live) == ("http", False)
        assert sum(1 for _ in source) == 25


def test_an_endless_http_stream_is_live(tmp_path: Path) -> None:
    part = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n"
    mjpeg = film(
        tmp_path / "film.mjpeg", steady(30), codec="mjpeg", pix_fmt="yuvj420p", options={"bf": "0"}
    ).read_bytes()
    pictures = [b"\xff\xd8" + picture for picture in mjpeg.split(b"\xff\xd8")[1:]]
    body = b"".join(part % (len(picture), picture) for picture in pictures)
    headers = "Content-Type: multipart/x-mixed-replace;boundary=b\r\n"
    with (
        serving(http("200 OK", headers, body)) as port,
        open_source(f"http://127.0.0.1:{port}/mjpg", HASTY) as source,
    ):
        assert (source.info.kind, source.info.live, source.info.codec) == ("http", True, "mjpeg")


def test_a_server_that_stalls_in_the_middle_is_a_timeout(tmp_path: Path) -> None:
    content = film(tmp_path / "film.ts", steady(500), options={"crf": "1"}).read_bytes()
    half = content[: len(content) // 2]
    with (
        serving(http("200 OK", f"Content-Length: {len(content)}\r\n", half)) as port,
        open_source(f"http://127.0.0.1:{port}/film.ts", HASTY) as source,
        pytest.raises(SourceTimeout, match="sent nothing"),
    ):
        list(source)


@pytest.mark.parametrize("options", [{"open_timeout_s": 0}, {"colour": "red"}, {"rtsp_transport": "pigeon"}])
def test_settings_refuse_what_they_do_not_know(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        SourceSettings.model_validate(options)


def test_the_first_video_stream_is_read_not_the_largest(shared_data: Path) -> None:
    with open_source(str(shared_data / "edge" / "torchcodec_nasa_13013.mp4")) as source:
        assert (source.info.width, source.info.height) == (320, 180)
