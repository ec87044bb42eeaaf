"""The journal's bytes; row 61 of the fault catalogue: every cut and every bit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.core.errors import Invalid
from qt_ray.governance.checksum import POLYNOMIAL, crc32c
from qt_ray.governance.journal import (
    HEAD_BYTES,
    RECORD_BYTES_MAX,
    Head,
    digest_of,
    follows,
    framed,
    head_of,
    records,
)

pytestmark = pytest.mark.unit

quick = settings(max_examples=40, deadline=None)
payloads = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
SIX = [b"first", b"\0\0\0\0", b"third \0", b"four", b"\0", b"sixth\0\0\0"]


def segment(wanted: list[bytes], first: int = 1) -> tuple[bytes, list[int]]:
    """Return a segment's bytes and where each record ends."""
    data, ends = Head(0, first).encoded(), []
    for at, payload in enumerate(wanted):
        data += framed(first + at, [payload])
        ends.append(len(data))
    return data, ends


def read(data: bytes, torn_may_end: bool = True) -> list[bytes]:
    return [record.payload for record in records("s", data, head_of("s", data).first, torn_may_end)]


def bit_by_bit(data: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (POLYNOMIAL if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@quick
@given(st.binary(max_size=70))
def test_the_fast_checksum_is_the_slow_one(data: bytes) -> None:
    assert crc32c(data) == bit_by_bit(data)


def test_the_checksum_is_the_published_one() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@quick
@given(payloads, st.integers(1, 2**60))
def test_what_was_framed_is_read_again(wanted: list[bytes], first: int) -> None:
    data, ends = segment(wanted, first)
    found = list(records("s", data, first, torn_may_end=False))
    assert [record.payload for record in found] == wanted
    assert [record.end for record in found] == ends
    assert framed(first, wanted) == data[HEAD_BYTES:]
    assert [record.sequence for record in found] == list(range(first, first + len(wanted)))


def test_a_cut_at_any_byte_of_the_last_three_records_loses_only_what_was_cut() -> None:
    data, ends = segment(SIX)
    for size in range(ends[2], len(data) + 1):
        assert read(data[:size]) == SIX[: sum(end <= size for end in ends)]


def test_blocks_that_were_never_written_are_a_torn_tail_too() -> None:
    data, ends = segment(SIX)
    for size in range(ends[2], len(data)):
        assert read(data[:size] + bytes(600)) == SIX[: sum(end <= size for end in ends)]


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_anywhere_is_refused_and_never_taken_for_a_torn_tail(bit: int) -> None:
    data, _ = segment(SIX)
    for at in range(len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << bit
        with pytest.raises(Invalid, match=r"^s: .*, at byte \d+$"):
            read(bytes(spoilt))


def test_a_torn_tail_before_another_segment_is_damage() -> None:
    data, _ = segment(SIX)
    with pytest.raises(Invalid, match="only the last segment"):
        read(data[:-1], torn_may_end=False)


def test_a_record_out_of_its_place_is_refused() -> None:
    head = Head(0, 1).encoded()
    with pytest.raises(Invalid, match="sequences are consecutive, 1 is next, was 2"):
        read(head + framed(2, [b"x"]))


@pytest.mark.parametrize("size", [0, RECORD_BYTES_MAX + 1])
def test_a_record_has_a_named_size(size: int) -> None:
    with pytest.raises(Invalid, match="a journal record has"):
        framed(1, [bytes(size)])


@pytest.mark.parametrize("size", range(HEAD_BYTES))
def test_half_a_head_is_refused(size: int) -> None:
    with pytest.raises(Invalid, match="begins with a head"):
        head_of("s", Head(0, 1).encoded()[:size])


def test_another_format_is_refused_by_its_name() -> None:
    head = bytearray(Head(0, 1).encoded())
    head[7:8] = b"2"
    body = bytes(head[:-4])
    with pytest.raises(Invalid, match="of format QTJRNL01, was b'QTJRNL02'"):
        head_of("s", body + crc32c(body).to_bytes(4, "little"))


def test_segments_are_a_chain() -> None:
    data, _ = segment(SIX)
    digest = digest_of(data)
    follows("t", Head(1, 7, digest), Head(0, 1), digest, 7)
    for head, rule in (
        (Head(2, 7, digest), "segments are consecutive"),
        (Head(1, 7, digest_of(data[:-1])), "names the digest"),
        (Head(1, 8, digest), "sequences are consecutive"),
    ):
        with pytest.raises(Invalid, match=rule):
            follows("t", head, Head(0, 1), digest, 7)
