"""Places: where an account's memory lies, below the folder of all that must survive.

A paper exchange that runs inside the fund forgets everything, so each start on one is an account that begins with its
first balance: what was true of the venue's books belongs to that life alone, and lies in a folder of its own. What the
fund has decided about itself, its policy, its latch, its record and its keys, outlives them all.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt_ray.adapters.settings import Settings

LATCH_FILE: Final = "latch.json"


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of one account at one exchange, and the name of the life it is in, if it has several."""

    folder: Path
    anchors_elsewhere: Path | None = None
    life: str = ""

    @property
    def whose(self) -> str:
        """Return the account and where it trades, in words."""
        return f"{self.folder.name} at {self.folder.parent.name}"

    @property
    def latch(self) -> Path:
        """Return the file that shuts entries out."""
        return self.folder / LATCH_FILE

    @property
    def door(self) -> Path:
        """Return the socket of the emergency stop, in a folder that only the account's user may enter."""
        return self.folder / "door" / "emergency_stop"

    @property
    def lived(self) -> Path:
        """Return the folder of what is true of this life of the account only."""
        return self.folder / "lives" / self.life if self.life else self.folder

    @property
    def journal(self) -> Path:
        """Return the folder of the gateway's journal."""
        return self.lived / "journal"

    @property
    def desk(self) -> Path:
        """Return the folder of the desk's journal."""
        return self.lived / "desk"

    @property
    def buffer(self) -> Path:
        """Return the folder of events that wait for the bus, one below it for each part."""
        return self.folder / "buffer"

    @property
    def policy(self) -> Path:
        """Return the folder of the policy's book and of its copy."""
        return self.folder / "policy"

    @property
    def logs(self) -> Path:
        """Return the folder of what the parts say of themselves."""
        return self.folder / "logs"

    @property
    def redis(self) -> Path:
        """Return the folder of the embedded bus."""
        return self.folder / "redis"

    @property
    def session(self) -> Path:
        """Return the file that says what runs now."""
        return self.folder / "session.json"

    @property
    def audit(self) -> Path:
        """Return the folder of the audit log."""
        return self.folder / "audit"

    @property
    def anchors(self) -> Path:
        """Return the folder of the anchors that hold the audit log fast."""
        return self.anchors_elsewhere or self.folder / "anchors"

    @property
    def audit_key(self) -> Path:
        """Return the file of the key that signs them."""
        return self.folder / "audit.key"


def places_of(settings: Settings, life: str = "") -> Places:
    """Return where the account of these settings keeps its memory; paper and live never share a folder."""
    below = Path(settings.exchange.kind) / settings.fund.account
    elsewhere = None if settings.audit.anchors is None else Path(settings.audit.anchors) / below
    return Places(Path(settings.fund.state) / below, elsewhere, life)
