"""Listen keys: one living key per account opens its user stream, until an hour passes without a word.

Asking again returns the key that lives; only a deleted or expired one is replaced, as clients rely on.
"""

from dataclasses import dataclass
from hashlib import sha256

from qt_ray.adapters.paper.refusals import denied

LIFE_MS = 3_600_000


@dataclass(slots=True)
class ListenKey:
    """A key, the account whose news it opens, and until when."""

    name: str
    account: str
    until_ms: int


class ListenKeys:
    """All living listen keys; names follow from a seed, so a run can be repeated."""

    def __init__(self, seed: int, life_ms: int = LIFE_MS) -> None:
        self._seed, self._life_ms, self._made = seed, life_ms, 0
        self._by_account: dict[str, ListenKey] = {}
        self._by_name: dict[str, ListenKey] = {}

    def open(self, account: str, now_ms: int) -> str:
        """Return the account's living key, its life begun anew, or a new one."""
        found = self._by_account.get(account)
        if found is None or found.until_ms <= now_ms:
            self._made += 1
            name = sha256(f"listen {self._seed} {self._made} {account}".encode()).hexdigest()
            found = self._by_account[account] = self._by_name[name] = ListenKey(name, account, 0)
        found.until_ms = now_ms + self._life_ms
        return found.name

    def keep(self, account: str, now_ms: int) -> str:
        """Begin the life of the account's key anew."""
        found = self._by_account.get(account)
        if found is None or found.until_ms <= now_ms:
            raise denied(-1125)
        found.until_ms = now_ms + self._life_ms
        return found.name

    def close(self, account: str) -> ListenKey | None:
        """End the account's key; return it if there was one."""
        found = self._by_account.pop(account, None)
        if found is not None:
            self._by_name.pop(found.name, None)
        return found

    def living(self, account: str) -> str | None:
        """Return the name of the account's key, if it has one."""
        found = self._by_account.get(account)
        return None if found is None else found.name

    def account_of(self, name: str, now_ms: int) -> str | None:
        """Return whose news a key opens, or None when it does not live."""
        found = self._by_name.get(name)
        return None if found is None or found.until_ms <= now_ms else found.account

    def expire(self, now_ms: int) -> list[ListenKey]:
        """Remove and return the keys whose hour has passed."""
        over = [key for key in self._by_name.values() if key.until_ms <= now_ms]
        for key in over:
            self.close(key.account)
        return over
