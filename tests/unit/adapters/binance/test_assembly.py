import asyncio

import pytest
from pydantic import SecretStr, ValidationError

from qt_ray.adapters.binance.assembly import PAPER_KEY, PAPER_SECRET, endpoints_of, open_session, patience_of, signer_of
from qt_ray.adapters.binance.endpoints import LIVE, PAPER, TESTNET, Endpoints
from qt_ray.adapters.binance.wire import Patience
from qt_ray.adapters.paper.venue import PORT, PaperSettings
from qt_ray.adapters.settings import Credentials
from qt_ray.adapters.settings_exchange import Exchange
from qt_ray.core.errors import InvalidConfig

pytestmark = pytest.mark.unit

KEYS = Credentials(api_key=SecretStr("canary-key"), api_secret=SecretStr("canary-secret"))
HERE = {"rest_url": "http://127.0.0.1:1", "ws_url": "ws://127.0.0.1:1"}


@pytest.mark.requirement("S4 OrderGateway")
def test_the_kind_of_exchange_decides_where_orders_go() -> None:
    assert endpoints_of(Exchange()) == PAPER
    assert PAPER.rest.endswith(f":{PORT}")
    assert PaperSettings().secret == PAPER_SECRET
    assert endpoints_of(Exchange(kind="testnet")) == TESTNET
    assert endpoints_of(Exchange(kind="live")) == LIVE
    assert endpoints_of(Exchange(kind="live", **HERE)) == Endpoints(HERE["rest_url"], HERE["ws_url"])
    assert endpoints_of(Exchange(**HERE)).keys == HERE["rest_url"]
    assert patience_of(Exchange(recv_window_ms=1, connect_timeout_ms=2, answer_timeout_ms=3)) == Patience(1, 2, 3)


def test_only_paper_is_open_to_everybody() -> None:
    assert signer_of(Exchange(), Credentials()).api_key == PAPER_KEY == PaperSettings().key
    assert signer_of(Exchange(kind="live"), KEYS).api_key == "canary-key"
    for kind in ("testnet", "live"):
        with pytest.raises(InvalidConfig, match=f"{kind} needs api_key and api_secret"):
            signer_of(Exchange.model_validate({"kind": kind}), Credentials())


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"rest_url": "http://h"}, "come together"),
        ({**HERE, "rest_url": "ftp://h"}, "begins with http:// or https://"),
        ({**HERE, "ws_url": "ws://h/"}, "ends without a slash"),
        ({"recv_window_ms": 2_001}, "at most 2000"),
        ({"kind": "demo"}, "paper"),
    ],
)
def test_an_address_is_whole(wrong: dict[str, object], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        Exchange.model_validate(wrong)


def test_a_session_opens_though_nobody_is_there_and_shows_no_key() -> None:
    async def story() -> None:
        session = await open_session(Exchange(**HERE), KEYS)
        assert repr(session) == "BinanceSession(http://127.0.0.1:1)"
        await session.close()

    asyncio.run(story())
