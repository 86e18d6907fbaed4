"""What is done to a valid video. Each mutation is a function of its bytes, a source of chance and the other videos."""

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Mutation = Callable[[bytearray, random.Random, Sequence[bytes]], bytes]

HEAD = 2048
EXTREME = (0, 1, 0x7F, 0xFF, 0x4000, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
SIZES = (0, 1, 2, 15, 4097, 8192, 16384, 16385, 32767, 65535)
FILMED = (96, 64)  # width and height of every valid video
BOXES = (b"moov", b"trak", b"mdia", b"stbl", b"stsd", b"stsz", b"stts", b"ctts", b"stco", b"stsc", b"stss", b"mdhd")
BOXES += (b"tkhd", b"mvhd", b"elst", b"avcC", b"hvcC", b"avc1", b"hev1", b"mdat", b"moof", b"trun", b"tfhd", b"ftyp")


def bit_flips(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Flip 1 to 1000 bits anywhere."""
    for _ in range(round(10 ** chance.uniform(0, 3))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


def head_flips(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Flip 1 to 100 bits where the container describes itself: its first or last bytes."""
    head = min(HEAD, len(content))
    for _ in range(round(10 ** chance.uniform(0, 2))):
        place = chance.randrange(head)
        content[place if chance.random() < 0.5 else -1 - place] ^= 1 << chance.randrange(8)
    return content


def noise(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Overwrite a stretch with random bytes."""
    start, end = _stretch(content, chance)
    content[start:end] = chance.randbytes(end - start)
    return content


def zeros(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Overwrite up to four stretches with zeros, as a file system does that lost them."""
    for _ in range(chance.randint(1, 4)):
        start, end = _stretch(content, chance)
        content[start:end] = bytes(end - start)
    return content


def truncated(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Keep the first part, or only what follows it."""
    place = chance.randrange(1, len(content))
    return content[:place] if chance.random() < 0.7 else content[place:]


def holes(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Leave a stretch out."""
    start, end = _stretch(content, chance)
    del content[start:end]
    return content


def repeated(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Repeat a stretch, such as some packets, up to 200 times; files stay below 4 MB."""
    start, end = _stretch(content, chance)
    most = max(1, min(200, 2**22 // (end - start)))
    return content[:end] + content[start:end] * chance.randint(1, most) + content[end:]


def shuffled(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Put equal blocks, such as transport packets, into another order."""
    size = chance.choice((188, 512, 4096))
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    kept = chance.randint(0, min(4, len(blocks)))
    moved = blocks[kept:]
    chance.shuffle(moved)
    return b"".join(blocks[:kept] + moved)


def spliced(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """The beginning of one video and the end of another."""
    other = chance.choice(others)
    return content[: chance.randrange(len(content))] + other[chance.randrange(len(other)) :]


def inserted(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Another video, or a piece of it, in the middle of this one."""
    other = chance.choice(others)
    start, end = _stretch(other, chance) if chance.random() < 0.7 else (0, len(other))
    place = chance.randrange(len(content))
    return content[:place] + other[start:end] + content[place:]


def huge_pictures(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Say another width or height wherever the header says them, and in places where it does not."""
    for size in FILMED:
        for layout in (">H", ">I", "<H", "<I"):
            content = _replaced(content, struct.pack(layout, size), struct.pack(layout, chance.choice(SIZES)), chance)
    return head_flips(content, chance, others) if chance.random() < 0.3 else content


def lying_lengths(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Extreme numbers where a container keeps lengths, counts and offsets."""
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(min(HEAD, len(content) - 8))
        place = place if chance.random() < 0.5 else len(content) - 8 - place
        layout = chance.choice((">I", "<I", ">H", "<H"))
        most = 8 * struct.calcsize(layout)
        content[place : place + most // 8] = struct.pack(layout, chance.choice(EXTREME) % 2**most)
    return content


def lying_boxes(content: bytearray, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Extreme numbers right at the boxes of an MP4: lengths, counts, first entries; others get them anywhere."""
    places = [place for box in BOXES if (place := content.find(box)) >= 4]
    if not places:
        return lying_lengths(content, chance, others)
    for _ in range(chance.randint(1, 4)):
        place = chance.choice(places) + chance.choice((-4, -4, 4, 8, 12, 16, 20))
        number = chance.choice(EXTREME) if chance.random() < 0.6 else chance.getrandbits(32)
        content[place : place + 4] = struct.pack(">I", number)
    return content


MUTATIONS: tuple[Mutation, ...] = (
    bit_flips,
    head_flips,
    noise,
    zeros,
    truncated,
    holes,
    repeated,
    shuffled,
    spliced,
    inserted,
    huge_pictures,
    lying_lengths,
    lying_boxes,
)


@dataclass(frozen=True)
class Mutant:
    """A mutated video.

    Attributes:
        number: with the seed it says everything.
        film: the valid video it was.
        mutations: what was done to it, in order.
    """

    number: int
    film: str
    mutations: tuple[str, ...]
    content: bytes

    @property
    def name(self) -> str:
        return f"{self.number:05}-{'-'.join(self.mutations)}-{self.film}"


def mutant(seed: int, number: int, films: dict[str, bytes]) -> Mutant:
    """Return the mutated video of this number; one in four is mutated twice."""
    chance = random.Random(f"{seed}/{number}")
    name = chance.choice(sorted(films))
    first = MUTATIONS[number % len(MUTATIONS)]
    done = (first, chance.choice(MUTATIONS)) if chance.random() < 0.25 else (first,)
    content = films[name]
    for mutation in done:
        content = bytes(mutation(bytearray(content.ljust(16, b"\0")), chance, list(films.values())))
    return Mutant(number, name, tuple(one.__name__ for one in done), content)


def _stretch(content: bytes | bytearray, chance: random.Random) -> tuple[int, int]:
    """A stretch of one byte up to all of it; short ones are as likely as long ones."""
    length = round(len(content) ** chance.uniform(0, 1))
    start = chance.randrange(len(content) - length + 1)
    return start, start + max(1, length)


def _replaced(content: bytearray, what: bytes, by: bytes, chance: random.Random) -> bytearray:
    """Replace one of the first places where `what` stands."""
    places, at = [], content.find(what)
    while at >= 0 and len(places) < 8:
        places.append(at)
        at = content.find(what, at + 1)
    if places:
        place = chance.choice(places)
        content[place : place + len(what)] = by
    return content
