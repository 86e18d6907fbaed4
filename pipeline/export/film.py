"""The film of a segment: cut out of a recording and encoded anew, so that it begins and ends at the very frame."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.video.reformatter import Colorspace

from pipeline import synthetic
from pipeline.decode import decode
from pipeline.errors import LongtakeError, UsageError
from pipeline.source import SourceSettings, open_source
from pipeline.source.names import scheme_of
from pipeline.timeline.reads import Span
from pipeline.values import DecodedFrame, Picture

SUFFIXES = (".mp4", ".mkv", ".mov")
_TICKS = 90_000  # a second
_NEXT_TO_NOTHING_S = 1e-6
_BT709 = 1  # in the numbers of H.264, for matrix, primaries and transfer alike


@dataclass(frozen=True, slots=True)
class Recording:
    """A video, and where on a timeline it lies.

    Attributes:
        uri: a file, a URL or `synthetic://`.
        begins_s: timeline seconds of its first frame.
        steady: its time stamps are those of one epoch, as far as is asked for, so that it may be sought in.
    """

    uri: str
    begins_s: float
    steady: bool = True


@dataclass(frozen=True, slots=True)
class Film:
    """What was cut.

    Attributes:
        start_s, end_s: timeline seconds of the first frame, and up to which the last one is shown.
    """

    start_s: float
    end_s: float
    frames: int


def cut(recording: Recording, span: Span, out: Path) -> Film:
    """Write the frames that begin within `span` to `out` as H.264, upright, with the times they have; without sound.

    Frames of a later epoch of the recording (its time stamps jump) follow the one before as they do on the timeline, to
    within a sampled frame. `out` appears whole or not at all.

    Raises:
        SourceError: the recording cannot be read.
        UsageError: it shows nothing in that range, or `out` is the recording or has another suffix than `SUFFIXES`.
        LongtakeError: `out` cannot be written.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{out} should end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    source = Path(recording.uri)
    if source.exists() and out.exists() and out.samefile(source):
        raise UsageError(f"{out} is the recording itself; write to another file")
    part = out.with_name(f".{out.stem}.{os.getpid()}{out.suffix}")
    try:
        with _frames(recording, span.since - recording.begins_s) as frames:
            film = _encode(_between(_placed(frames, recording.begins_s), span), part)
        if not film.frames:
            range_s = f"{span.since:.3f} and {span.until:.3f} s"
            raise UsageError(
                f"the recording shows nothing between {range_s} of the timeline; it is another, or shorter"
            )
        part.replace(out)
    except (av.FFmpegError, OSError) as error:
        raise LongtakeError(f"{out} cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
    return film


@contextmanager
def _frames(recording: Recording, from_s: float) -> Iterator[Iterator[DecodedFrame]]:
    """The recording from `from_s` media seconds or earlier on."""
    if scheme_of(recording.uri) == "synthetic":
        scene, fps, size = synthetic.parse_uri(recording.uri)
        yield synthetic.frames(scene, fps, max(0.0, from_s), size)
        return
    start_at_s = from_s if recording.steady and from_s > 0 else None
    with open_source(recording.uri, SourceSettings(), start_at_s) as source:
        yield decode(source)


def _placed(frames: Iterator[DecodedFrame], begins_s: float) -> Iterator[tuple[float, DecodedFrame]]:
    """Each frame with its timeline seconds: an epoch begins where the last one ended, after what was skipped."""
    epoch, origin_s, shown_s = 0, begins_s, 0.0
    for frame in frames:
        if frame.epoch > epoch:
            epoch, origin_s, shown_s = frame.epoch, origin_s + shown_s + frame.skipped_s, 0.0
        if not frame.corrupt:
            shown_s = max(shown_s, frame.pts_s + frame.duration_s)
        yield origin_s + frame.pts_s, frame


def _between(placed: Iterator[tuple[float, DecodedFrame]], span: Span) -> Iterator[tuple[float, DecodedFrame]]:
    for at_s, frame in placed:
        if at_s >= span.until - _NEXT_TO_NOTHING_S:
            return
        if at_s >= span.since - _NEXT_TO_NOTHING_S:
            yield at_s, frame


def _encode(placed: Iterator[tuple[float, DecodedFrame]], part: Path) -> Film:
    start_s, end_s, pts, count = 0.0, 0.0, -1, 0
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", options={"crf": "20", "preset": "veryfast"})
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, _TICKS)
        codec = stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
        for at_s, frame in placed:
            if not count:
                start_s = at_s
                # H.264 holds even sides only
                stream.height, stream.width = (side // 2 * 2 for side in frame.picture.shape)
            pts = max(pts + 1, round((at_s - start_s) * _TICKS))  # a step back of the source repeats the time reached
            container.mux(stream.encode(_picture(frame.picture, stream.height, stream.width, pts)))
            end_s, count = at_s + frame.duration_s, count + 1
        if count:
            container.mux(stream.encode())
    return Film(start_s, end_s, count)


def _picture(picture: Picture, height: int, width: int, pts: int) -> av.VideoFrame:
    shown = av.VideoFrame.from_ndarray(picture.rgb(height, width), format="rgb24")
    shown = shown.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
    shown.pts, shown.time_base = pts, Fraction(1, _TICKS)
    return shown
