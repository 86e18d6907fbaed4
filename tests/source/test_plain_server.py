"""A web server that sends whole files only, as `python -m http.server` does."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.errors import SourceError, SourceNotFound
from pipeline.source import SourceSettings, open_source
from pipeline.synthetic import SceneSpec, write_video
from tests.decode.films import film, steady


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path):
    """The URL at which the files of `tmp_path` are served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def read(uri: str) -> int:
    with open_source(uri, SourceSettings()) as source:
        return sum(1 for _ in source)


def test_a_file_whose_index_comes_last_is_told_to_be_downloaded(served, tmp_path):
    whole = film(tmp_path / "whole.mp4", steady(50)).read_bytes()
    index = whole.rindex(b"moov") - 4
    nothing = (1_000_000).to_bytes(4, "big") + b"free" + bytes(999_992)  # more than a reader keeps at hand
    (tmp_path / "film.mp4").write_bytes(whole[:index] + nothing + whole[index:])
    with pytest.raises(SourceError, match=r"reading http://.*film.mp4 failed: .*may not support ranges") as raised:
        read(f"{served}/film.mp4")
    assert not isinstance(raised.value, SourceNotFound)


def test_a_synthetic_film_has_its_index_first_and_is_read(served, tmp_path):
    write_video(tmp_path / "film.mp4", SceneSpec(1, 2, 1), fps=10, size=(96, 72))
    assert read(f"{served}/film.mp4") == 20


def test_a_host_that_has_no_address_is_unknown():
    with pytest.raises(SourceNotFound, match=r"the host of http://nowhere\.invalid/film\.mp4 is unknown"):
        read("http://nowhere.invalid/film.mp4")
