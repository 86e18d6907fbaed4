"""ELAN documents: what their schema asks for, read back to what the timeline holds."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pipeline.errors import UsageError
from pipeline.export.elan import GAPS, to_eaf
from pipeline.values import Gap, GapReason
from tests.ask.streams import seen, segment, watched

ORDER = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE"]


def read(document: bytes) -> dict[str, list[tuple[int, int, str]]]:
    """Start, end (milliseconds) and text of every annotation by tier; every reference leads somewhere."""
    root = ET.fromstring(document)
    assert root.tag == "ANNOTATION_DOCUMENT" and {"AUTHOR", "DATE", "VERSION"} <= set(root.keys())
    kinds = [child.tag for child in root]
    assert kinds == sorted(kinds, key=ORDER.index)
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    types = {kind.get("LINGUISTIC_TYPE_ID") for kind in root.iter("LINGUISTIC_TYPE")}
    names = [tier.get("TIER_ID") for tier in root.iter("TIER")]
    ids = [one.get("ANNOTATION_ID") for one in root.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(names)) == len(names) and len(set(ids)) == len(ids) and not set(ids) & set(slots)
    assert len(slots) == 2 * len(ids), "whoever moves one edge moves no other"
    tiers = {}
    for tier in root.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") in types
        tiers[tier.get("TIER_ID")] = [
            (slots[one.get("TIME_SLOT_REF1")], slots[one.get("TIME_SLOT_REF2")], one.findtext("ANNOTATION_VALUE"))
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
    return tiers


def properties(document: bytes) -> dict[str, str]:
    return {one.get("NAME"): one.text for one in ET.fromstring(document).iter("PROPERTY")}


def test_there_is_a_tier_for_each_label_and_one_for_gaps(store):
    gaps = [Gap("film", 8.0, 9.0, GapReason.CORRUPT), Gap("film", 9.5, 10.0, GapReason.RESTART, filled=True)]
    film = [segment("film", "walk", 0.5, 3.0625), segment("film", "fall", 3.0, 3.0), segment("film", "walk", 5.0, None)]
    watched(store, "film", film, gaps, source="/films/a film.mp4")
    document = to_eaf(seen(store, "film"))
    assert read(document) == {
        "fall": [(3000, 3001, "fall")],
        "walk": [(500, 3062, "walk"), (5000, 100_000, "walk")],
        GAPS: [(8000, 9000, "corrupt")],
    }
    [medium] = ET.fromstring(document).iter("MEDIA_DESCRIPTOR")
    assert medium.attrib == {"MEDIA_URL": "file:///films/a%20film.mp4", "MIME_TYPE": "video/mp4"}
    assert properties(document) == {"stream": "film", "lastUsedAnnotationId": "4"}


def test_a_camera_has_no_medium_and_says_when_zero_was(store):
    walks = [segment("cam1", "walk", 1.7e9 + 5, 1.7e9 + 9)]
    watched(store, "cam1", walks, from_s=1.7e9, until_s=1.7e9 + 60, source="rtsp://camera/1", live=True)
    document = to_eaf(seen(store, "cam1"))
    assert read(document) == {"walk": [(5000, 9000, "walk")]}
    assert not list(ET.fromstring(document).iter("MEDIA_DESCRIPTOR"))
    assert properties(document)["zero"] == "2023-11-14T22:13:20.000+00:00"


def test_labels_are_text_whatever_they_hold_and_no_two_tiers_have_one_name(store):
    labels = frozenset({"<b>&\"'🤸", "bell \x07", "bell \x08", GAPS})
    film = [segment("film", label, 1.0, 2.0) for label in labels]
    watched(store, "film", film, [Gap("film", 8.0, 9.0, GapReason.CORRUPT)], labels=labels)
    tiers = read(to_eaf(seen(store, "film")))
    assert set(tiers) == {"<b>&\"'🤸", "bell \ufffd", "bell \ufffd'", GAPS, f"{GAPS}'"}
    assert tiers[f"{GAPS}'"] == [(8000, 9000, "corrupt")]


def test_equal_timelines_give_equal_files_and_an_empty_one_a_document_without_tiers(store):
    watched(store, "film")
    document = to_eaf(seen(store, "film"))
    assert read(document) == {} and document == to_eaf(seen(store, "film"))


def test_more_than_the_format_can_hold_is_refused(store):
    day = 86_400.0
    watched(store, "film", [segment("film", "walk", 50 * day, 50 * day + 1)], until_s=51 * day)
    with pytest.raises(UsageError, match="longer than the 49 days ELAN can hold; narrow it with --after"):
        to_eaf(seen(store, "film"))


def test_a_relative_source_becomes_an_absolute_medium(store):
    watched(store, "film", source="films/film.mkv")
    [medium] = ET.fromstring(to_eaf(seen(store, "film"))).iter("MEDIA_DESCRIPTOR")
    assert medium.get("MEDIA_URL") == Path("films/film.mkv").absolute().as_uri()
