"""A timeline as an annotation document of ELAN, version 3.0 (https://www.mpi.nl/tools/elan/EAFv3.0.xsd)."""

import io
import mimetypes
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import count, groupby
from xml.etree import ElementTree as ET

from pipeline.errors import UsageError
from pipeline.export.look import Look
from pipeline.values import Gap, Segment

GAPS = "(not watched)"
"""Name of the tier of gaps."""

_SCHEMA = {
    "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
}
_TYPE = "action"
_MOST_MS = 2**32 - 1
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_eaf(look: Look) -> bytes:
    """Return a tier for each label and one for gaps that nobody filled; an annotation says the label, or the reason.

    Times count from `Look.zero_s`, in milliseconds; of a live stream a property says when that was. The file that the
    stream was read from is the document's medium. What has no length is a millisecond long, for ELAN needs some.

    Raises:
        UsageError: it is longer than the 49 days that the format can hold.
    """
    root = ET.Element("ANNOTATION_DOCUMENT", _SCHEMA | _attributes(look))
    tiers = _tiers(look)
    items = [item for _, content in tiers for item in content]
    _header(root, look, len(items))
    slots = _time_order(root, look, items)
    numbers = count()
    for name, content in tiers:
        tier = ET.SubElement(root, "TIER", LINGUISTIC_TYPE_REF=_TYPE, TIER_ID=name)
        for item in content:
            number = next(numbers)
            _annotate(tier, f"a{number + 1}", slots[number], item)
    ET.SubElement(root, "LINGUISTIC_TYPE", GRAPHIC_REFERENCES="false", LINGUISTIC_TYPE_ID=_TYPE, TIME_ALIGNABLE="true")
    return _written(root)


def _attributes(look: Look) -> dict[str, str]:
    """The date is that of the stream's last change, so that equal timelines give equal files."""
    return {"AUTHOR": "longtake", "DATE": _moment(look.info.updated_s), "FORMAT": "3.0", "VERSION": "3.0"}


def _header(root: ET.Element, look: Look, annotations: int) -> None:
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if file := look.recording:
        kind = mimetypes.guess_type(file.name)[0] or "unknown"
        ET.SubElement(header, "MEDIA_DESCRIPTOR", MEDIA_URL=file.as_uri(), MIME_TYPE=kind)
    _property(header, "stream", look.timeline.stream)
    if look.live:
        _property(header, "zero", _moment(look.zero_s))
    _property(header, "lastUsedAnnotationId", str(annotations))


def _time_order(root: ET.Element, look: Look, items: Sequence[Segment | Gap]) -> list[tuple[str, str]]:
    """Write the edges of all items by time; return their names, item by item: who moves one moves no other's."""
    edges = [_edges(look, item) for item in items]
    ordered = sorted((edge, number, side) for number, pair in enumerate(edges) for side, edge in enumerate(pair))
    if ordered and ordered[-1][0] > _MOST_MS:
        raise UsageError(f"{look.timeline.stream!r} is longer than the 49 days ELAN can hold; narrow it with --after")
    order, names = ET.SubElement(root, "TIME_ORDER"), {}
    for place, (edge, number, side) in enumerate(ordered, 1):
        names[number, side] = f"ts{place}"
        ET.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=f"ts{place}", TIME_VALUE=str(edge))
    return [(names[number, 0], names[number, 1]) for number in range(len(items))]


def _tiers(look: Look) -> list[tuple[str, list[Segment | Gap]]]:
    """Name and content of each tier; nothing on one overlaps."""
    segments = sorted(look.timeline.segments, key=lambda one: (one.label, one.start))
    tiers: list[tuple[str, list[Segment | Gap]]] = []
    for label, group in groupby(segments, lambda one: one.label):
        tiers.append((_free(_text(label), tiers), list(group)))
    if gaps := [gap for gap in look.timeline.gaps if not gap.filled]:
        tiers.append((_free(GAPS, tiers), [*gaps]))
    return tiers


def _free(name: str, tiers: Iterable[tuple[str, object]]) -> str:
    """A name that no tier has yet: no two may have the same."""
    taken = {other for other, _ in tiers}
    while name in taken:
        name += "'"
    return name


def _edges(look: Look, item: Segment | Gap) -> tuple[int, int]:
    start_ms = max(0, round((item.start - look.zero_s) * 1000))
    return start_ms, max(start_ms + 1, round((look.end_s(item) - look.zero_s) * 1000))


def _annotate(tier: ET.Element, id: str, slots: tuple[str, str], item: Segment | Gap) -> None:
    about = {"ANNOTATION_ID": id, "TIME_SLOT_REF1": slots[0], "TIME_SLOT_REF2": slots[1]}
    alignable = ET.SubElement(ET.SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION", about)
    value = str(item.reason) if isinstance(item, Gap) else _text(item.label)
    ET.SubElement(alignable, "ANNOTATION_VALUE").text = value


def _property(header: ET.Element, name: str, value: str) -> None:
    ET.SubElement(header, "PROPERTY", NAME=name).text = _text(value)


def _moment(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds")


def _text(text: str) -> str:
    """XML cannot hold most control characters, not even escaped."""
    return _NOT_XML.sub("\ufffd", text)


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    sink = io.BytesIO()
    ET.ElementTree(root).write(sink, encoding="UTF-8", xml_declaration=True)
    return sink.getvalue() + b"\n"
