"""What a pass moves, what it leaves, and that no answer changes by it."""

import random
from pathlib import Path

import pytest

from pipeline.archive.archive import Archive
from pipeline.archive.errors import FileMissing
from pipeline.clock import ManualClock
from pipeline.errors import UsageError
from pipeline.timeline.moves import Mover, move
from tests.archive.streams import ids, in_redis, mark, segments_every, write
from tests.timeline import make

NOW_S = 1_800_000_000.0
DAY_S = 86_400.0


@pytest.mark.parametrize("seed", range(3))
def test_a_query_is_answered_as_before_the_move_in_every_range(store, archive, seed):
    chance = random.Random(seed)
    segments = [one for label in sorted(make.LABELS) for one in segments_every(chance.uniform(5, 60_000), 9, 3, label)]
    gaps = [make.gap(n * 20_000.0 + 7, n * 20_000.0 + 900) for n in range(9)]
    write(store, segments, gaps, until_s=chance.uniform(1000, 300_000))
    edges = [edge for one in segments for edge in (one.start, one.end)] + [chance.uniform(0, 6e5) for _ in range(9)]
    asked = [tuple(sorted(chance.sample(edges, 2))) for _ in range(25)] + [(None, None)]
    asked = [(*span, chance.choice([None, "walk"]), chance.choice([None, 0.4])) for span in asked]
    before = [store.timeline(make.STREAM, *one) for one in asked]
    moved = move(store, archive, 0.0)
    assert moved.segments + moved.gaps > 0
    assert [store.timeline(make.STREAM, *one) for one in asked] == before


def test_what_is_young_stays(store, archive):
    old, young = segments_every(100, 5, NOW_S - 8 * DAY_S), segments_every(100, 5, NOW_S - 6 * DAY_S, "sit")
    gaps = [make.gap(NOW_S - 9 * DAY_S, NOW_S - 8.5 * DAY_S), make.gap(NOW_S - 60, NOW_S)]
    write(store, [*old, *young], gaps, until_s=NOW_S)
    moved = move(store, archive, 7 * DAY_S, ManualClock(NOW_S))
    assert (moved.segments, moved.gaps, mark(store)) == (5, 1, NOW_S - 7 * DAY_S)
    assert in_redis(store) == 5 + 1
    assert ids(store.timeline(make.STREAM)) == [one.id for one in (*old, *young)]
    assert [gap.end for gap in store.timeline(make.STREAM).gaps] == [one.end for one in gaps]


def test_a_recording_is_as_old_as_its_last_commit(store, archive):
    write(store, segments_every(10, 3), until_s=30.0)
    assert move(store, archive, 3600.0).streams == ()
    assert move(store, archive, 0.0).segments == 3


def test_an_open_segment_holds_the_mark_back_for_all_labels(store, archive):
    write(store, [*segments_every(10, 9), make.segment("open", 35.0, None, "fall")])
    assert move(store, archive, 0.0).segments == 4
    assert mark(store) == 35.0
    assert ids(store.timeline(make.STREAM)) == [
        *(f"walk{n}" for n in range(4)),
        "open",
        *(f"walk{n}" for n in range(4, 9)),
    ]


def test_a_growing_gap_and_the_end_of_what_was_watched_hold_the_mark_back(store, archive):
    write(store, segments_every(10, 9), until_s=75.0, pending=make.gap(50.0, 75.0))
    move(store, archive, 0.0)
    assert mark(store) == 50.0


def test_batches_are_small_and_leave_nothing_behind(store, archive):
    write(store, [*segments_every(10, 20), *segments_every(10, 20, label="sit")], until_s=1e6)
    expected = store.timeline(make.STREAM)
    mover = Mover(store, archive)
    mover.BATCH = 7
    moved = mover.run(0.0)
    assert (moved.segments, in_redis(store)) == (40, 0)
    assert moved.files > 4
    assert store.timeline(make.STREAM) == expected


def test_where_no_archive_is_configured_a_stream_is_looked_for_where_it_was_moved_to(plain, store, archive):
    write(store, [*segments_every(10, 9), make.segment("open", 35.0, None, "fall")])
    expected = store.timeline(make.STREAM)
    move(store, archive, 0.0)
    assert plain.timeline(make.STREAM) == expected


SECRET = "s3://key:secret@bucket/x?region=eu-west-1"


@pytest.fixture
def moved_with_a_secret(store, archive):
    """A stream whose archive's URL held a secret."""
    write(store, [*segments_every(10, 9), make.segment("open", 35.0, None, "fall")])
    archive.url = Archive(SECRET).url
    move(store, archive, 0.0)


@pytest.mark.usefixtures("moved_with_a_secret")
def test_an_archive_whose_secrets_are_not_kept_must_be_named(plain, store):
    assert b"secret" not in b"".join(store.client.hvals("lt:{cam1}:meta"))
    for ask in (plain.timeline, plain.require_archive, plain.remove):
        with pytest.raises(UsageError, match=r"before 35 s has been moved to s3://\*\*\*@bucket.*set LONGTAKE_ARCHIVE"):
            ask(make.STREAM)
    assert ids(plain.timeline(make.STREAM, since=36.0)) == ["open", *(f"walk{n}" for n in range(4, 9))]
    store.require_archive(make.STREAM)
    assert len(store.timeline(make.STREAM).segments) == 10


def test_an_archive_that_is_not_there_is_told_before_any_work(plain, store, archive, place, tmp_path):
    write(store, segments_every(10, 5))
    plain.require_archive(make.STREAM)
    move(store, archive, 0.0)
    plain.require_archive(make.STREAM)
    Path(place).rename(tmp_path / "elsewhere")
    for ask in (plain.timeline, plain.require_archive, plain.remove):
        with pytest.raises(FileMissing, match=r"is not in file://.*LONGTAKE_ARCHIVE"):
            ask(make.STREAM)


def test_the_aggregates_events_scores_and_counts_stay(store, archive):
    write(store, segments_every(1000, 9), until_s=1e5)
    before = (store.aggregates(make.STREAM), store.events(make.STREAM), store.scores(make.STREAM)), store.streams()
    move(store, archive, 0.0)
    after = (store.aggregates(make.STREAM), store.events(make.STREAM), store.scores(make.STREAM)), store.streams()
    assert after[0] == before[0]
    assert after[1] == before[1]


def test_a_removed_stream_is_gone_from_the_archive_too(store, plain, archive):
    write(store, segments_every(10, 5))
    move(store, archive, 0.0)
    plain.remove(make.STREAM)
    assert archive.streams() == ()
    write(store, segments_every(10, 2, label="sit"))
    assert ids(store.timeline(make.STREAM)) == ["sit0", "sit1"]


def test_a_stream_begun_anew_shows_nothing_of_before(store, plain, archive):
    lease = write(store, segments_every(10, 5))
    move(store, archive, 0.0)
    store.reset(lease)
    assert plain.timeline(make.STREAM).segments == ()
    assert (mark(store), store.streams()[0].segments) == (None, 0)


def test_one_stream_has_one_archive(store, archive, tmp_path):
    lease = write(store, segments_every(10, 5), until_s=100.0)
    move(store, archive, 0.0)
    store.commit(lease, make.commit(0, 1, closed=(make.segment("new", 100.0, 110.0),), until_s=110.0))
    [done] = move(store, Archive(str(tmp_path / "other")), 0.0).streams
    assert "the older part of 'cam1' is in file://" in done.error
    assert (done.segments, in_redis(store)) == (0, 1)
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    assert move(store, Archive(str(tmp_path / "elsewhere")), 0.0).segments == 1
