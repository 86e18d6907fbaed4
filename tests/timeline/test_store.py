"""The contract every store keeps, embedded or reached by a URL."""

from dataclasses import replace

import numpy as np
import pytest
from redis.crc import key_slot

from pipeline.errors import Fenced, StoreBehind, UsageError
from pipeline.timeline.keys import STREAMS, StreamKeys
from pipeline.values import Gap, GapReason
from tests.timeline import make

OK, REPEATED, FENCED, BEHIND = "ok", "repeated", "fenced", "behind"


def answers(store, lease, commits) -> list[str]:
    found = []
    for one in commits:
        try:
            found.append(store.commit(lease, one))
        except Fenced:
            found.append(FENCED)
        except StoreBehind:
            found.append(BEHIND)
    return found


def test_a_fresh_stream_has_no_checkpoint_and_an_empty_timeline(store):
    assert make.claim(store).checkpoint is None
    timeline = store.timeline(make.STREAM)
    assert (timeline.segments, timeline.gaps, timeline.duration, timeline.model) == ((), (), 0.0, "model-1")


def test_what_was_committed_is_what_is_read(store):
    lease = make.claim(store)
    walk, sit, fall = (
        make.segment("a", 0.0, 4.0),
        make.segment("b", 4.0, 7.5, "sit"),
        make.segment("c", 7.5, None, "fall"),
    )
    store.commit(lease, make.commit(0, 0, 4, opened=(walk,), still_open=(replace(walk, end=None),)))
    store.commit(lease, make.commit(0, 5, 9, opened=(sit, fall), still_open=(fall,), closed=(walk, sit)))
    timeline = store.timeline(make.STREAM)
    assert timeline.segments == (walk, sit, fall)
    assert timeline.duration == 8.0
    again = make.claim(store)
    np.testing.assert_array_equal(again.checkpoint.temporal_state, make.checkpoint(step=9).temporal_state)
    assert (again.checkpoint.epoch, again.checkpoint.step) == (0, 9)


@pytest.mark.parametrize(
    ("commits", "expected"),
    [
        ([(0, 0), (0, 1), (0, 2)], [OK, OK, OK]),
        ([(0, 0, 3), (0, 4, 9), (0, 10)], [OK, OK, OK]),
        ([(0, 0), (0, 2)], [OK, BEHIND]),
        ([(0, 0), (0, 2), (0, 1)], [OK, BEHIND, OK]),
        ([(0, 1)], [BEHIND]),
        ([(0, 0, 3), (0, 3, 5)], [OK, FENCED]),
        ([(0, 0), (0, 0)], [OK, REPEATED]),
        ([(0, 0), (0, 1), (0, 0)], [OK, OK, FENCED]),
        ([(0, 0), (0, 1), (0, 1), (0, 1), (0, 2)], [OK, OK, REPEATED, REPEATED, OK]),
        ([(0, 0, 3), (1, 0), (1, 1)], [OK, OK, OK]),
        ([(0, 0, 3), (1, 1)], [OK, BEHIND]),
        ([(0, 0), (2, 0)], [OK, BEHIND]),
        ([(0, 0), (1, 0), (0, 1)], [OK, OK, FENCED]),
        ([(1, 0)], [OK]),
        ([(2, 0)], [BEHIND]),
    ],
)
def test_a_commit_must_begin_where_the_last_one_ended(store, commits, expected):
    lease = make.claim(store)
    assert answers(store, lease, [make.commit(*one) for one in commits]) == expected


def test_a_repeat_is_the_same_commit_with_the_same_content(store):
    lease = make.claim(store)
    first = make.commit(0, 0, 3, still_open=(make.segment(),))
    other = make.commit(0, 0, 3, still_open=(make.segment(score=0.6),))
    assert answers(store, lease, [first, first, other, first]) == [OK, REPEATED, FENCED, REPEATED]
    assert [one.score for one in store.timeline(make.STREAM).segments] == [0.5]


def test_a_commit_without_steps_adds_a_gap_or_the_end(store):
    lease = make.claim(store)
    late = make.commit(0, 1, 0, gaps=(make.gap(0.8, 2.0),), until_s=2.0)
    end = make.commit(0, 1, 0, finished=True, until_s=2.0)
    assert answers(store, lease, [make.commit(0, 0), late, late, end, end]) == [OK, OK, REPEATED, OK, REPEATED]
    assert store.timeline(make.STREAM).gaps == (make.gap(0.8, 2.0),)
    assert make.claim(store).checkpoint.finished
    assert [one.state for one in store.streams()] == ["ended"]


def test_an_epoch_may_begin_with_a_gap_only(store):
    lease = make.claim(store)
    down = make.commit(1, 0, -1, gaps=(make.gap(0.8, 9.0),), until_s=9.0)
    assert answers(store, lease, [make.commit(0, 0), down, make.commit(1, 0)]) == [OK, OK, OK]


def test_a_new_owner_shuts_the_old_one_out_of_every_write(store):
    old = make.claim(store)
    store.commit(old, make.commit(0, 0))
    new = make.claim(store)
    for write in (
        lambda: store.commit(old, make.commit(0, 1)),
        lambda: store.commit(old, make.commit(0, 0)),
        lambda: store.set_state(old, "running"),
        lambda: store.reset(old),
        lambda: store.checkpoint(old),
    ):
        with pytest.raises(Fenced, match="claimed"):
            write()
    assert store.commit(new, make.commit(0, 1)) == OK
    assert store.checkpoint(new).step == 1


def test_a_refused_commit_leaves_no_trace(store):
    lease = make.claim(store)
    store.commit(lease, make.commit(0, 0, still_open=(make.segment(),)))
    before = (store.timeline(make.STREAM), store.events(make.STREAM), store.scores(make.STREAM))
    refused = make.commit(0, 5, closed=(make.segment(end=9.0),), gaps=(make.gap(1, 2),), finished=True)
    with pytest.raises(StoreBehind, match=r"begins at \(0, 5\).*stands at \(0, 0\)"):
        store.commit(lease, refused)
    after = (store.timeline(make.STREAM), store.events(make.STREAM), store.scores(make.STREAM))
    assert str(after) == str(before)


def test_a_growing_gap_is_shown_until_it_is_committed(store):
    lease = make.claim(store)
    store.commit(lease, make.with_pending(make.commit(0, 0), Gap(make.STREAM, 0.8, 3.0, GapReason.CAMERA_DOWN)))
    assert [(gap.start, gap.end) for gap in store.timeline(make.STREAM).gaps] == [(0.8, 3.0)]
    whole = Gap(make.STREAM, 0.8, 5.0, GapReason.CAMERA_DOWN)
    store.commit(lease, make.commit(1, 0, gaps=(whole,)))
    assert store.timeline(make.STREAM).gaps == (whole,)


def test_a_reset_forgets_the_timeline_but_not_the_owner(store):
    lease = make.claim(store)
    segments = (make.segment("a", 0.0, 1.0),)
    store.commit(lease, make.commit(0, 0, 5, opened=segments, closed=segments, gaps=(make.gap(5, 6),)))
    store.reset(lease)
    timeline = store.timeline(make.STREAM)
    assert (timeline.segments, timeline.gaps, timeline.duration) == ((), (), 0.0)
    assert (store.checkpoint(lease), store.aggregates(make.STREAM), store.scores(make.STREAM)) == (None, [], [])
    assert store.commit(lease, make.commit(0, 0, 5, opened=segments, closed=segments)) == OK


def test_removing_a_stream_leaves_no_key_of_it_and_ends_its_lease(store):
    lease, other = make.claim(store), make.claim(store, "cam2")
    closed = (make.segment("a", 0.0, 1.0),)
    store.commit(lease, make.commit(0, 0, closed=closed, still_open=(make.segment("b", 1.0),), gaps=(make.gap(1, 2),)))
    store.remove(make.STREAM)
    assert [key for key in store._client.scan_iter() if b"{cam1}" in key] == []
    assert [one.name for one in store.streams()] == ["cam2"]
    with pytest.raises(Fenced):
        store.commit(lease, make.commit(0, 1))
    with pytest.raises(UsageError, match="no stream 'cam1'; streams: cam2"):
        store.remove(make.STREAM)
    store.set_state(other, "running")


def test_two_streams_never_touch_each_other(store):
    lease, _ = make.claim(store), make.claim(store, "cam2")
    store.commit(lease, make.commit(0, 0, still_open=(make.segment(),)))
    assert store.timeline("cam2").segments == ()


def test_streams_are_told_with_source_state_and_counts(store):
    lease = make.claim(store)
    store.commit(lease, make.commit(0, 0, 4, closed=(make.segment("a", 0, 1),), still_open=(make.segment("b", 2.0),)))
    store.set_state(lease, "failed", "rtsp://user:secret@camera/1 is gone")
    [info] = store.streams()
    assert (info.name, info.model, info.state, info.until_s, info.segments) == ("cam1", "model-1", "failed", 4.0, 2)
    assert info.source == "rtsp://***@camera/1"
    assert info.error == "rtsp://***@camera/1 is gone"
    assert info.updated_s > 1.6e9


def test_a_lost_index_of_streams_is_rebuilt(store):
    make.claim(store)
    make.claim(store, "cam 2 é")
    store._client.delete(STREAMS)
    assert [one.name for one in store.streams()] == ["cam 2 é", "cam1"]
    assert store._client.scard(STREAMS) == 2


def test_an_unknown_stream_or_label_is_answered_with_the_choices(store):
    with pytest.raises(UsageError, match="none yet"):
        store.timeline("cam9")
    make.claim(store)
    for ask in (store.timeline, store.scores, store.aggregates, store.events):
        with pytest.raises(UsageError, match="streams: cam1"):
            ask("cam9")
    with pytest.raises(UsageError, match=r"unknown label 'jump'.*fall, sit, walk"):
        store.timeline(make.STREAM, label="jump")
    with pytest.raises(UsageError, match="before"):
        store.timeline(make.STREAM, since=3.0, until=3.0)


def test_labels_of_an_earlier_model_stay_readable(store):
    lease = make.claim(store)
    store.commit(lease, make.commit(0, 0, closed=(make.segment("a", 0.0, 1.0),)))
    store.claim(make.STREAM, "file.mp4", "model-2", frozenset({"wave"}))
    assert [one.label for one in store.timeline(make.STREAM, label="walk").segments] == ["walk"]
    assert [one.label for one in store.timeline(make.STREAM).segments] == ["walk"]
    assert store.timeline(make.STREAM, label="wave").segments == ()


def test_the_event_log_tells_what_happened_in_order(store):
    lease = make.claim(store)
    walk = make.segment("a", 0.0, None)
    store.set_state(lease, "running")
    store.commit(lease, make.commit(0, 0, opened=(walk,), still_open=(walk,)))
    store.commit(lease, make.commit(0, 1, closed=(replace(walk, end=1.6),), gaps=(make.gap(1.6, 2.0),), finished=True))
    events = store.events(make.STREAM)
    assert [(one.kind, one.value) for one in events] == [
        ("state", "running"),
        ("opened", walk),
        ("closed", replace(walk, end=1.6)),
        ("gap", make.gap(1.6, 2.0)),
        ("state", "ended"),
    ]
    assert store.events(make.STREAM, after=events[1].id, limit=2) == events[2:4]
    assert store.events(make.STREAM, after=events[-1].id) == []


def test_scores_come_back_by_range_and_old_ones_are_trimmed(store):
    lease = make.claim(store)
    store.commit(lease, make.commit(0, 0, 9))
    assert [one.step for one in store.scores(make.STREAM, 1.0, 2.5)] == [1, 2, 3]
    assert [one.step for one in store.scores(make.STREAM)] == list(range(10))
    np.testing.assert_allclose(store.scores(make.STREAM, 0, 0.1)[0].probs, [0, 0.5, 1], atol=1 / 255)
    store.commit(lease, make.commit(0, 10, until_s=6 * 3600 + 4.0))  # six hours are kept
    assert [one.step for one in store.scores(make.STREAM)] == [5, 6, 7, 8, 9, 10]


def test_a_commit_of_very_many_steps_fits_one_script(store):
    lease = make.claim(store)
    closed = tuple(make.segment(f"s{n}", float(n), n + 1.0) for n in range(2500))
    assert store.commit(lease, make.commit(0, 0, 4999, closed=closed)) == OK
    assert len(store.timeline(make.STREAM).segments) == 2500
    assert len(store.scores(make.STREAM)) == 5000


def test_all_keys_of_a_stream_share_one_cluster_slot(store):
    lease = make.claim(store)
    store.commit(lease, make.commit(0, 0, closed=(make.segment("a", 0.0, 1.0, "fall"),), gaps=(make.gap(1, 2),)))
    store.commit(lease, make.commit(0, 1, still_open=(make.segment("b", 1.0),)))
    written = {key.decode() for key in store.client.scan_iter("lt:{*")}
    assert len(written) == 11
    assert written <= set(StreamKeys(make.STREAM).everything(make.LABELS))
    assert len({key_slot(key.encode()) for key in written}) == 1


@pytest.mark.parametrize("name", ["", "a{b", "a}b"])
def test_names_that_would_break_the_hash_tag_never_reach_a_key(name):
    with pytest.raises(AssertionError):
        StreamKeys(name)


def test_a_segment_of_a_label_that_was_not_claimed_is_a_bug_of_the_caller(store):
    lease = make.claim(store)
    with pytest.raises(AssertionError, match="jump"):
        store.commit(lease, make.commit(0, 0, still_open=(make.segment(label="jump"),)))
