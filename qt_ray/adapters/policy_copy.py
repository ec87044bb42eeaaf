"""Policy copy: the policy in force as one plain file beside the book, for the day that the book is lost.

It is replaced as a whole after each revision. A copy that cannot be read is no copy, and says so; it is never the
reason for an emergency to end. Whoever has readers to tell writes it behind them: the book is durable already.
"""

from pathlib import Path

from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode, digest
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.policy import Policy


class PolicyCopy:
    """The copy of one fund."""

    def __init__(self, path: Path) -> None:
        """Stand for the file at `path`; there is none before the first revision."""
        self._path = path

    def read(self) -> Policy | None:
        """Return the policy that the copy holds, or nothing if there is none; Invalid if it is damaged."""
        try:
            data = decode(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Retryable(f"{self._path.name}: a copy of the policy is read, {error.strerror or error}") from error
        if not isinstance(data, dict) or data.keys() != {"digest", "policy"}:
            raise Invalid(f"{self._path.name}: a copy of the policy has a policy and its digest")
        found = Policy.from_dict(data["policy"])
        if found.digest != data["digest"]:
            raise Invalid(f"{self._path.name}: a copy of the policy agrees with its digest")
        return found

    def write(self, policy: Policy) -> None:
        """Replace the copy, durable before this returns; Retryable if it cannot be written."""
        try:
            write_atomic(self._path, canonical({"digest": digest(policy), "policy": policy.to_dict()}))
        except OSError as error:
            raise Retryable(f"{self._path.name}: a copy of the policy is written, {error.strerror or error}") from error


class LateCopy(PolicyCopy):
    """A copy that is written when there is time for it; of several revisions only the last."""

    def __init__(self, path: Path) -> None:
        """Stand for the file at `path`; nothing is owed to it."""
        super().__init__(path)
        self._owed: Policy | None = None

    def write(self, policy: Policy) -> None:
        """Owe the copy a policy."""
        self._owed = policy

    def settle(self) -> None:
        """Write what is owed, durable before this returns; Retryable if it cannot be written, and it stays owed."""
        if (owed := self._owed) is None:
            return
        super().write(owed)
        if self._owed is owed:
            self._owed = None
