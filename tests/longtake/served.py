"""`longtake serve` as a process of a test's own."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from pipeline.control.board import Board
from pipeline.errors import StoreDown, UsageError
from pipeline.timeline.store import TimelineStore
from pipeline.values import GapReason
from tests.models.micro import make_model_dir


class Served:
    """A running `longtake serve`, asked through its store and its commands.

    Args:
        uri: what `TEST_CAMERA` stands for in its configuration.
        store: URL of its store; its own where None.
    """

    def __init__(self, home: Path, config: str, uri: str, store: str | None = None, arguments: Sequence[str] = ()):
        self.home = home
        self.uri = uri
        make_model_dir(home / "model")
        (home / "config.yaml").write_text(config)
        command = [
            sys.executable,
            "-m",
            "longtake",
            "serve",
            "--http-port",
            "0",
            *arguments,
            *(["--store", store] if store else []),
        ]
        command += ["--config", str(home / "config.yaml"), "--model", str(home / "model")]
        environment = os.environ | {"LONGTAKE_HOME": str(home), "TEST_CAMERA": uri}
        with (home / "said").open("w") as said:
            self.process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        self.store = TimelineStore.open(store, home)
        self.board = Board(self.store)

    def end(self) -> None:
        """Stop serving, if that is not done yet."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)
        self.store.close()

    def said(self) -> str:
        return (self.home / "said").read_text()

    def until(self, what: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until something holds."""
        assert self.process.poll() is None, self.said()
        patience = Retrying(
            retry=retry_if_result(lambda held: not held) | retry_if_exception_type((StoreDown, UsageError)),
            stop=stop_after_delay(seconds),
            wait=wait_fixed(0.1),
            retry_error_callback=lambda _: pytest.fail(f"waited {seconds} s in vain: {self.board.view()}"),
        )
        patience(what)

    def watched(self, *streams: str) -> Callable[[], bool]:
        """All of the streams are held and answered for."""

        def check() -> bool:
            infos = {info.name: info for info in self.store.streams()}
            held = self.board.held()
            return all(one in held and one in infos and infos[one].until_s for one in streams)

        return check

    def host_of(self, stream: str) -> str:
        """Who holds the stream; empty while nobody does."""
        held = self.board.held().get(stream)
        return held.host if held else ""

    def reasons(self, stream: str) -> list[GapReason]:
        return [gap.reason for gap in self.store.timeline(stream).gaps]

    def answered_s(self, stream: str) -> float:
        return {info.name: info.until_s for info in self.store.streams()}.get(stream, 0.0)
