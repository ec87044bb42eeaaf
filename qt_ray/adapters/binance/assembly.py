"""Assembly: settings and keys become a session. The paper venue gives its keys to everybody, the others to nobody."""

from qt_ray.adapters.binance.endpoints import KINDS, Endpoints
from qt_ray.adapters.binance.session import BinanceSession
from qt_ray.adapters.binance.signing import Signer
from qt_ray.adapters.binance.wire import Patience
from qt_ray.adapters.settings import Credentials
from qt_ray.adapters.settings_exchange import Exchange
from qt_ray.core.errors import InvalidConfig

PAPER_KEY, PAPER_SECRET = "paper-key", "paper-secret"


def endpoints_of(exchange: Exchange) -> Endpoints:
    """Return where the exchange is; another address tells nothing of keys unless it is the paper venue's."""
    if exchange.rest_url is None or exchange.ws_url is None:
        return KINDS[exchange.kind]
    return Endpoints(exchange.rest_url, exchange.ws_url, exchange.rest_url if exchange.kind == "paper" else None)


def signer_of(exchange: Exchange, credentials: Credentials) -> Signer:
    """Return what signs requests."""
    if credentials.api_key is not None and credentials.api_secret is not None:
        return Signer(credentials.api_key.get_secret_value(), credentials.api_secret.get_secret_value())
    if exchange.kind != "paper":
        raise InvalidConfig(f"credentials: {exchange.kind} needs api_key and api_secret, there are none")
    return Signer(PAPER_KEY, PAPER_SECRET)


def patience_of(exchange: Exchange) -> Patience:
    """Return how long anything may take."""
    return Patience(exchange.recv_window_ms, exchange.connect_timeout_ms, exchange.answer_timeout_ms)


async def open_session(exchange: Exchange, credentials: Credentials) -> BinanceSession:
    """Return a session with the exchange that settings name."""
    return await BinanceSession.open(endpoints_of(exchange), signer_of(exchange, credentials), patience_of(exchange))
