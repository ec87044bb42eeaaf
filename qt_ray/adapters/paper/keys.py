"""Keys: who may speak for which account, proven by a signature over exactly the bytes that came.

Nothing is re-encoded or sorted on the way, for a signature that survives a rewrite protects nothing.
"""

import hmac
from dataclasses import dataclass

from qt_ray.adapters.paper.params import Params
from qt_ray.adapters.paper.refusals import AHEAD, Denied, denied
from qt_ray.core.errors import Invalid

WINDOW_MS = 5_000
WINDOW_MS_MAX = 60_000
AHEAD_MS_MAX = 1_000
KEY_LENGTH_MAX = 128


@dataclass(slots=True)
class Key:
    """An API key, its secret, the account it speaks for and what it may do."""

    name: str
    secret: bytes
    account: str
    may_trade: bool = True
    may_withdraw: bool = False
    is_bound: bool = True
    is_revoked: bool = False


class KeyRing:
    """All keys the venue has given out."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}

    def add(self, name: str, secret: str, account: str) -> Key:
        """Give out a key for an account."""
        key = self._keys[name] = Key(name, secret.encode(), account)
        return key

    def find(self, name: str | None, address: str) -> Key:
        """Return the key a request bears."""
        if not name or len(name) > KEY_LENGTH_MAX or not name.isascii():
            raise denied(-2014)
        key = self._keys.get(name)
        if key is None or key.is_revoked:
            raise denied(-2015, address=address)
        return key

    def of(self, account: str) -> Key:
        """Return an account's key, revoked or not."""
        found = next((key for key in self._keys.values() if key.account == account), None)
        if found is None:
            raise Invalid(f"an account has a key, {account!r:.60} has none")
        return found


def sign(secret: bytes, payload: bytes) -> str:
    """Return the signature of a payload, in hexadecimal."""
    return hmac.digest(secret, payload, "sha256").hex()


def check_signature(key: Key, payloads: tuple[bytes, ...], params: Params) -> None:
    """Refuse a payload that the key's secret did not sign, in any of the spellings it may have been signed in."""
    given = params.text("signature").lower()
    if not given.isascii() or not any(hmac.compare_digest(sign(key.secret, each), given) for each in payloads):
        raise denied(-1022)


def check_time(params: Params, now_ms: int) -> None:
    """Refuse a request that comes too late, or from the future."""
    window = params.maybe_whole("recvWindow")
    if window is not None and window > WINDOW_MS_MAX:
        raise denied(-1131)
    sent = params.whole("timestamp")
    if sent - now_ms >= AHEAD_MS_MAX:
        raise Denied(-1021, AHEAD.format(ahead=sent - now_ms))
    if now_ms - sent > (WINDOW_MS if window is None else window):
        raise denied(-1021)
