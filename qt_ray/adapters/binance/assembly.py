"""Assembly: settings and keys become a session. The paper venue gives its keys to everybody, the others to nobody."""

from typing import TYPE_CHECKING

from qt_ray.adapters.binance.ban import Ban
from qt_ray.adapters.binance.endpoints import KINDS, Endpoints
from qt_ray.adapters.binance.pace import Pace
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.wire import Patience
from qt_ray.core.errors import InvalidConfig

if TYPE_CHECKING:
    from qt_ray.adapters.settings import Credentials
    from qt_ray.adapters.settings_exchange import Exchange

PAPER_KEY, PAPER_SECRET = "paper", "paper"
PAPER_ESS = "paper-ess"


def endpoints_of(exchange: "Exchange") -> Endpoints:
    """Return where the exchange is; another address tells nothing of keys unless it is the paper venue's."""
    if exchange.rest_url is None or exchange.ws_url is None:
        return KINDS[exchange.kind]
    return Endpoints(exchange.rest_url, exchange.ws_url, exchange.rest_url if exchange.kind == "paper" else None)


def signer_of(exchange: "Exchange", credentials: "Credentials") -> Signer:
    """Return what signs requests."""
    if credentials.api_key is not None and credentials.api_secret is not None:
        return Signer(credentials.api_key.get_secret_value(), credentials.api_secret.get_secret_value())
    if exchange.kind != "paper":
        raise InvalidConfig(f"credentials: {exchange.kind} needs api_key and api_secret, there are none")
    return Signer(PAPER_KEY, PAPER_SECRET)


def ess_signer_of(exchange: "Exchange", credentials: "Credentials") -> Signer:
    """Return what signs the emergency stop's requests: its own key, or the one there is."""
    if credentials.ess_key is not None and credentials.ess_secret is not None:
        return Signer(credentials.ess_key.get_secret_value(), credentials.ess_secret.get_secret_value())
    if exchange.kind == "paper" and credentials.api_key is None:
        return Signer(PAPER_ESS, PAPER_ESS)
    return signer_of(exchange, credentials)


def patience_of(exchange: "Exchange") -> Patience:
    """Return how long anything may take."""
    return Patience(exchange.recv_window_ms, exchange.connect_timeout_ms, exchange.answer_timeout_ms)


def session_of(
    exchange: "Exchange", credentials: "Credentials", ess: bool = False, ban: Ban | None = None
) -> BinanceSession:
    """Return a session that is yet to begin, with the emergency stop's own key if it is for that."""
    signer = (ess_signer_of if ess else signer_of)(exchange, credentials)
    return BinanceSession(endpoints_of(exchange), signer, patience_of(exchange), Pace(), ban)


async def open_session(
    exchange: "Exchange", credentials: "Credentials", ess: bool = False, ban: Ban | None = None
) -> BinanceSession:
    """Return a session with the exchange that settings name, with the emergency stop's own key if it is for that."""
    session = session_of(exchange, credentials, ess, ban)
    await session.begin()
    return session


async def open_public(exchange: "Exchange") -> BinanceSession:
    """Return a session with what the exchange tells everybody; it has no key, so nothing can be done through it."""
    return await BinanceSession.open(endpoints_of(exchange), None, patience_of(exchange))
