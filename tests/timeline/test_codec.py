import hashlib
from dataclasses import replace

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.errors import StoreVersion
from pipeline.timeline import codec
from pipeline.values import Gap, GapReason, Scores
from tests.timeline import make

floats = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
vectors = hnp.arrays(np.float32, st.integers(0, 300), elements=st.floats(width=32))


@given(vectors, st.binary(max_size=200), st.integers(-1, 2**53), floats, st.booleans(), st.booleans())
def test_a_checkpoint_comes_back_bit_for_bit(state, segmenter, step, until_s, growing, finished):
    before = replace(
        make.checkpoint(step=step, until_s=until_s, finished=finished),
        temporal_state=state,
        segmenter_state=segmenter,
        pending_gap=Gap(make.STREAM, until_s, until_s + 1, GapReason.CAMERA_DOWN) if growing else None,
    )
    after = codec.unpack_checkpoint(codec.pack_checkpoint(before))
    assert after.temporal_state.tobytes() == state.tobytes()  # NaN payloads and -0.0 included
    assert after.temporal_state.dtype == np.float32 and after.temporal_state.flags.writeable
    empty = np.zeros(0, np.float32)
    assert str(replace(after, temporal_state=empty)) == str(replace(before, temporal_state=empty))
    assert (after.pending_gap, after.segmenter_state) == (before.pending_gap, segmenter)
    assert codec.pack_checkpoint(after) == codec.pack_checkpoint(before)


def test_a_state_that_is_not_contiguous_and_of_another_shape_is_kept():
    state = np.arange(24, dtype=np.float64).reshape(4, 6).T
    after = codec.unpack_checkpoint(codec.pack_checkpoint(replace(make.checkpoint(), temporal_state=state)))
    assert after.temporal_state.dtype == np.float64
    np.testing.assert_array_equal(after.temporal_state, state)


def test_segments_and_gaps_come_back_equal():
    for segment in (make.segment(), make.segment("x", 0.1 + 0.2, 1e9 / 3, "fall"), make.segment(label="naïve {label}")):
        assert codec.unpack_segment(codec.pack_segment(segment), make.STREAM) == segment
    for filled in (False, True):
        gap = Gap(make.STREAM, 1 / 3, 2 / 3, GapReason.CLOCK, filled)
        assert codec.unpack_gap(codec.pack_gap(gap), make.STREAM) == gap


def test_numpy_numbers_in_a_segment_are_packed_as_plain_ones():
    plain = make.segment("x", 1.5, 2.5)
    numpy = replace(plain, start=np.float64(1.5), end=np.float32(2.5), score=np.float32(0.5), epoch=np.int64(0))
    assert codec.pack_segment(numpy) == codec.pack_segment(plain)


@given(hnp.arrays(np.float32, 9, elements=st.floats(0, 1, width=32)))
def test_scores_come_back_to_half_a_level(probs):
    after = codec.unpack_scores(codec.pack_scores(Scores(make.STREAM, 2, 7, 1.0, 1.8, probs)), make.STREAM)
    assert (after.epoch, after.step, after.start_s, after.end_s) == (2, 7, 1.0, 1.8)
    assert np.abs(after.probs - probs).max() <= 0.5 / 255 + 1e-6


def test_another_version_is_refused():
    for data in (msgpack.packb([1, {}]), msgpack.packb([5, 0.0, 1.0, "clock", False]), msgpack.packb({"version": 1})):
        with pytest.raises(StoreVersion, match="version"):
            codec.unpack_checkpoint(data)


def test_bytes_that_are_no_packed_value_are_refused():
    packed = codec.pack_checkpoint(make.checkpoint())
    for data in (b"", b"\xc1", packed[:-1], packed + b"\x00", b"(lp0\n.", msgpack.packb([1, {"epoch": 1}])):
        with pytest.raises(StoreVersion):
            codec.unpack_checkpoint(data)


def test_the_packed_bytes_do_not_change_without_a_new_version():
    fixed = replace(make.checkpoint(step=3), temporal_state=np.arange(4, dtype=np.float32))
    data = (
        codec.pack_checkpoint(fixed) + codec.pack_segment(make.segment("s", 1.0, 2.0)) + codec.pack_gap(make.gap(1, 2))
    )
    assert (codec.VERSION, hashlib.blake2b(data, digest_size=8).hexdigest()) == (4, "867f0e23e72342be")
