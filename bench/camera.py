"""Cameras on loopback: MPEG-TS over HTTP at the pace of its own time stamps, one camera per path."""

import asyncio
import io
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import av

# Chunked, because FFmpeg takes the end of a body of unknown length for a fault.
HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: video/MP2T\r\nTransfer-Encoding: chunked\r\n\r\n"
PHASE_S = 0.37  # real cameras do not start together

Chunks = list[tuple[float, bytes]]


def chunks_of(film: Path, seconds: float) -> Chunks:
    """The film's first `seconds` as MPEG-TS: (seconds from the start at which a camera would send it, bytes)."""
    buffer, chunks, sent = io.BytesIO(), [], 0
    with av.open(str(film)) as container, av.open(buffer, "w", "mpegts", options={"flush_packets": "1"}) as out:
        video = container.streams.video[0]
        stream = out.add_stream_from_template(video)
        first_s: float | None = None
        for packet in container.demux(video):
            if packet.dts is None:
                continue
            at_s = float(packet.dts * packet.time_base)
            first_s = at_s if first_s is None else first_s
            if at_s - first_s >= seconds:
                break
            packet.stream = stream
            out.mux(packet)
            if buffer.tell() > sent:  # an empty chunk would end the body
                chunks.append((at_s - first_s, buffer.getvalue()[sent:]))
            sent = buffer.tell()
    return chunks


class Cameras:
    """A context manager; serves `url(n)` for any n, each connection from the film's start.

    Attributes:
        began_s: by camera, unix seconds at which its first frame was sent.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cameras", daemon=True)
        self.began_s: dict[int, float] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, camera: int) -> str:
        """Where the camera is."""
        return f"http://127.0.0.1:{self._port}/{camera}.ts"

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _hang_up(self) -> None:
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        camera = int(request.split()[1].strip(b"/").partition(b".")[0])
        await asyncio.sleep(camera * PHASE_S % 1.0)
        writer.write(HEADER)
        began_s = self.began_s[camera] = time.time()
        try:
            for at_s, data in self._chunks:
                await asyncio.sleep(max(0.0, began_s + at_s - time.time()))
                writer.write(_chunk(data))
                await writer.drain()
            writer.write(_chunk(b""))
        except ConnectionError:
            return  # the client has seen enough
        finally:
            writer.close()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
