import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.reading import BODY_MAX, HEAD_MAX, Reading, Told
from qt_ray.core.errors import Invalid

pytestmark = pytest.mark.unit

quick = settings(max_examples=60, deadline=None)
BODY = b'{"orderId": 1}\r\n\r\nno head'
HEADERS = {"x-mbx-order-count-10s": "3"}


def lengthy(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nX-MBX-ORDER-COUNT-10S:  3 \r\nContent-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes, sizes: list[int]) -> bytes:
    """Return an answer in chunks of these sizes, the rest in one more."""
    told, at = bytearray(b"HTTP/1.1 200 OK\r\nX-MBX-ORDER-COUNT-10S: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 0
    for size in [*sizes, len(body)]:
        part = body[at : at + size]
        at += len(part)
        if part:
            told += b"%x;note=1\r\n%b\r\n" % (len(part), part)
    return bytes(told + b"0\r\nTrailer: x\r\n\r\n")


def fed(data: bytes, cuts: list[int]) -> list[Told | None]:
    """Return what a reading says after each of the pieces that cuts make of `data`."""
    reading, ends = Reading(), sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    return [reading.feed(data[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def refusal(data: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        Reading().feed(data)
    return str(refused.value)


@quick
@given(st.binary(max_size=300), st.lists(st.integers(1, 400), max_size=6), st.lists(st.integers(1, 50), max_size=4))
def test_an_answer_is_the_same_however_it_was_cut_and_whole_only_at_its_end(
    body: bytes, cuts: list[int], sizes: list[int]
) -> None:
    for data in (lengthy(body), chunked(body, sizes)):
        *before, last = fed(data, cuts)
        assert not any(before)
        assert last is not None
        assert (last.status, last.body, last.is_kept) == (200, body, True)
        assert last.headers.items() >= HEADERS.items()


@quick
@given(st.integers(0, len(chunked(BODY, [3])) - 1), st.integers(0, len(lengthy(BODY)) - 1))
def test_what_was_cut_short_is_never_whole(first: int, second: int) -> None:
    assert Reading().feed(chunked(BODY, [3])[:first]) is None
    assert Reading().feed(lengthy(BODY)[:second]) is None


@quick
@given(st.binary(max_size=200))
def test_whatever_comes_is_an_answer_or_refused(noise: bytes) -> None:
    try:
        told = Reading().feed(b"HTTP/1.1 200 OK\r\n" + noise)
    except Invalid:
        return
    assert told is None or told.status == 200


def test_an_interim_word_is_no_answer() -> None:
    told = Reading().feed(b"HTTP/1.1 100 Continue\r\n\r\n" + lengthy(BODY))
    assert told is not None
    assert told.body == BODY


@pytest.mark.parametrize(
    "data",
    [
        lengthy(b"x") + b"more",
        lengthy(b"x").replace(b"HTTP/1.1", b"HTTP/1.0"),
        lengthy(b"x").replace(b"\r\n\r\n", b"\r\nConnection: Close\r\n\r\n"),
    ],
)
def test_a_line_is_not_kept_if_anything_says_so(data: bytes) -> None:
    told = Reading().feed(data)
    assert told is not None
    assert not told.is_kept


def test_an_answer_without_a_body_is_whole_with_its_head() -> None:
    told = Reading().feed(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert told == Told(204, {}, b"", is_kept=True)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"HTTP/2 200\r\n\r\n", "an answer begins with its status"),
        (b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "a header has a name"),
        (b"HTTP/1.1 200 OK\r\nA: x\ny\r\n\r\n", "a header has a name"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "says its length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", "says its length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", "has one content-length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX + 1), "says its length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "chunked, or has a length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "chunked, or has a length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "a chunk says its length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz", "a chunk ends where it said"),
        (b"a" * (HEAD_MAX + 1), "a head has at most"),
        (lengthy(b"").replace(b": 0", b": 9") + bytes(BODY_MAX + 1), "an answer has at most"),
    ],
)
def test_what_breaks_a_rule_is_refused(data: bytes, rule: str) -> None:
    assert rule in refusal(data)
