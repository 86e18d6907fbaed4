"""A host: several streams in one process, each in a thread of its own, its leases renewed on the board.

Nothing here knows Ray; `actors/host.py` is the shell.
"""

import os
import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol

from pipeline.control.board import Board
from pipeline.control.records import Ending, Hold, HostInfo
from pipeline.control.settings import ServeSettings
from pipeline.control.wish import Wish
from pipeline.errors import LongtakeError, ModelError, UsageError
from pipeline.flow import Report


class Run(Protocol):
    """A run of one stream; `pipeline.flow.StreamRun`, or a test's double."""

    @property
    def token(self) -> str:
        """The owner token, empty until the stream is claimed."""

    def run(self) -> Report:
        """Drive the stream; returns when it has ended, failed or stopped."""

    def stop(self) -> None:
        """Ask the run to end."""

    def shed(self, keep: float) -> None:
        """Let in only this share of a live stream's clips."""

    def pressure(self) -> tuple[int, int]:
        """Clips let in since the last call, and how many of them found the queue full."""


class Work(Protocol):
    """What a host can do; may take its time, and may raise `LongtakeError`."""

    def run_of(self, wish: Wish) -> Run:
        """Build the run of a wish."""

    def swap(self, run: Run, wish: Wish) -> bool:
        """Let a run go on under the model of a wish; False where that takes another run."""


@dataclass(eq=False)
class _Hosted:
    """A stream in hand, from its assignment until its end is noted."""

    wish: Wish
    run: Run | None = None
    done: "Future[Report] | None" = None
    stopping: bool = False
    changing: int = 0  # to which generation


class Host:
    """Runs the streams it is assigned.

    A heartbeat (`beat`, once a period) is all that talks to the board: it notes the ends of runs, shows that the host
    is alive and renews the leases. A run whose lease is refused has lost its stream to another and is stopped. A host
    that cannot reach the board goes on; whether it may write is decided by the store at every commit.

    """

    def __init__(self, name: str, node: str, board: Board, work: Work, settings: ServeSettings) -> None:
        self._name = name
        self._node = node
        self._board = board
        self._work = work
        self._settings = settings
        self._jitter = random.Random(name)
        self._streams: dict[str, _Hosted] = {}
        self._lock = threading.Lock()
        self._closed = False
        # Neither a run that is slow to stop nor a swap that waits for its model may keep the next run waiting.
        self._threads = ThreadPoolExecutor(3 * settings.streams_per_host, thread_name_prefix="lane")
        self._something_ended = threading.Event()

    def assign(self, wish: Wish) -> None:
        """Begin to run a stream; told twice, or after `close`, nothing happens.

        Another generation of a stream still in hand is not begun: the supervisor sees the old one and has it released.
        """
        with self._lock:
            if self._closed or wish.stream in self._streams:
                return
            hosted = self._streams[wish.stream] = _Hosted(wish)
            hosted.done = self._threads.submit(self._drive, hosted)
        hosted.done.add_done_callback(lambda _: self._something_ended.set())

    def change(self, wish: Wish) -> None:
        """Begin to run a stream as it is wished for now; told twice nothing happens.

        Another model takes over at a step border where it can; any other change ends the run, and the stream is to be
        assigned again.
        """
        with self._lock:
            hosted = self._streams.get(wish.stream)
            if hosted is None or hosted.stopping or wish.generation <= max(hosted.wish.generation, hosted.changing):
                return
            run = hosted.run if hosted.wish.differs_in_model_only(wish) else None
            hosted.changing = wish.generation
        if run is None:
            self.release(wish.stream)
        else:
            self._threads.submit(self._swap, hosted, run, wish)

    def release(self, stream: str) -> None:
        """Begin to stop a stream; its lease is given up when it has stopped."""
        with self._lock:
            hosted = self._streams.get(stream)
            if hosted is None:
                return
            hosted.stopping = True
            run = hosted.run
        if run is not None:
            run.stop()

    def streams(self) -> dict[str, int]:
        """What the host has in hand: generation by stream."""
        with self._lock:
            return {stream: hosted.wish.generation for stream, hosted in self._streams.items()}

    def wait(self, timeout_s: float) -> None:
        """Let up to `timeout_s` pass; returns at once when a run ends."""
        self._something_ended.wait(timeout_s)
        self._something_ended.clear()

    def beat(self) -> None:
        """Tell the board once what there is to tell.

        Raises:
            StoreError: it was not heard; the next beat tells it again.
        """
        for hosted in self._ended():
            self._board.note(self._ending(hosted), self._settings.forgive_s)
            with self._lock:
                del self._streams[hosted.wish.stream]
        let_in, overflowed = self._pressure(self._board.share())
        info = HostInfo(self._name, self._node, self.streams(), True, os.getpid(), let_in, overflowed)
        self._board.beat(info, self._settings.lease_s)
        kept = self._board.keep_all(self._holds(), self._settings.lease_s)
        for stream in (stream for stream, ours in kept.items() if not ours):
            self.release(stream)

    def close(self, timeout_s: float) -> bool:
        """Stop every stream and take no more; False if one had not stopped after `timeout_s`.

        Raises:
            StoreError: the streams have stopped, but the board has not heard of it.
        """
        with self._lock:
            self._closed = True
            waiting = [hosted.done for hosted in self._streams.values() if hosted.done]
        for stream in self.streams():
            self.release(stream)
        left = wait(waiting, timeout_s).not_done
        self._threads.shutdown(wait=False)
        self.beat()
        self._board.forget_host(self._name)
        return not left

    def _drive(self, hosted: _Hosted) -> Report:
        run = self._work.run_of(hosted.wish)
        with self._lock:
            hosted.run = run
            if hosted.stopping:
                return Report(hosted.wish.stream, "paused")
        return run.run()

    def _swap(self, hosted: _Hosted, run: Run, wish: Wish) -> None:
        """Swap the model; what cannot be done now is told again by the supervisor's next look."""
        try:
            swapped = self._work.swap(run, wish)
        except (ModelError, UsageError):
            swapped = False  # the next run says why
        except LongtakeError:
            hosted.changing = 0
            return
        if swapped:
            with self._lock:
                hosted.wish = wish
        else:
            self.release(wish.stream)

    def _pressure(self, share: float) -> tuple[int, int]:
        """Let every stream keep its share; return clips let in and overflowed since the last time."""
        with self._lock:
            runs = [hosted.run for hosted in self._streams.values() if hosted.run]
        for run in runs:
            run.shed(share)
        told = [run.pressure() for run in runs]
        return sum(let_in for let_in, _ in told), sum(overflowed for _, overflowed in told)

    def _ended(self) -> list[_Hosted]:
        with self._lock:
            return [hosted for hosted in self._streams.values() if hosted.done and hosted.done.done()]

    def _holds(self) -> list[Hold]:
        with self._lock:
            running = [(hosted.wish, hosted.run.token) for hosted in self._streams.values() if hosted.run]
        return [Hold(wish.stream, self._name, token, wish.generation) for wish, token in running if token]

    def _ending(self, hosted: _Hosted) -> Ending:
        """What to tell of a run that is over; one that was told to stop has not failed, however it ended."""
        assert hosted.done is not None
        error = hosted.done.exception()
        report = None if error else hosted.done.result()
        failed, final, sentence = False, False, ""
        if error is not None:  # a bug is shown as a failed stream, not as one that silently vanished
            failed, final = True, isinstance(error, UsageError | ModelError)
            sentence = str(error) if isinstance(error, LongtakeError) else f"{type(error).__name__}: {error}"
        elif report is not None and report.state == "failed":
            failed, final, sentence = True, report.exit_code == UsageError.exit_code, report.error
        told = hosted.stopping or (report is not None and report.state == "paused")
        return Ending(
            stream=hosted.wish.stream,
            host=self._name,
            generation=hosted.wish.generation,
            state="released" if told else "failed" if failed else "ended",
            token=hosted.run.token if hosted.run else "",
            error=sentence,
            final=final,
            jitter=self._jitter.uniform(0.5, 1.0),
        )
