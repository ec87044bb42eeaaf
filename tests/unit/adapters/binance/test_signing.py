import pickle
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.adapters.binance.endpoints import KINDS, LIVE, PAPER, Endpoints
from qt_ray.adapters.binance.signing import Signer, encoded

pytestmark = pytest.mark.unit

DOCUMENTED = (
    "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
)


@pytest.mark.requirement("S4 OrderGateway")
def test_the_venues_own_example_gives_the_venues_own_signature() -> None:
    signer = Signer("key", "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9")
    signature = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"
    assert signer.sign(DOCUMENTED) == f"{DOCUMENTED}&signature={signature}"
    assert signer.sign(DOCUMENTED) == signer.sign(DOCUMENTED)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["symbol", "batchOrders", "x"]), st.text(min_size=1, max_size=12)), max_size=5)
)
def test_what_is_signed_is_sent_byte_for_byte(pairs: list[tuple[str, str]]) -> None:
    query = encoded(pairs)
    assert parse_qsl(query, strict_parsing=bool(query)) == pairs
    assert str(LIVE.request("/fapi/v1/order", query)).partition("?")[2] == query
    assert LIVE.request("/fapi/v1/order", query).raw_path_qs.partition("?")[2] == query


def test_a_secret_shows_itself_nowhere() -> None:
    signer = Signer("canary-key", "canary-secret")
    assert "canary" not in f"{signer!r} {signer} {[signer]}"
    with pytest.raises(TypeError):
        pickle.dumps(signer)


def test_venues_differ_by_their_doors_only() -> None:
    assert set(KINDS) == {"paper", "testnet", "live"}
    assert str(LIVE.private("k")) == "wss://fstream.binance.com/private/ws?listenKey=k"
    assert str(PAPER.public()) == f"{PAPER.streams}/public/stream"
    assert str(PAPER.market()) == f"{PAPER.streams}/market/stream"
    assert LIVE.keys_request("/sapi", "a=1").host == "api.binance.com"
    assert str(Endpoints("http://h", "ws://h").request("/p", "")) == "http://h/p"
