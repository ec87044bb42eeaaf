"""Places: where an account's memory lies, below the folder of all that must survive."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qt_ray.adapters.settings import Settings

LATCH_FILE: Final = "latch.json"


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of one account at one exchange."""

    folder: Path
    anchors_elsewhere: Path | None = None

    @property
    def latch(self) -> Path:
        """Return the file that shuts entries out."""
        return self.folder / LATCH_FILE

    @property
    def journal(self) -> Path:
        """Return the folder of the journal."""
        return self.folder / "journal"

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


def places_of(settings: Settings) -> Places:
    """Return where the account of these settings keeps its memory; paper and live never share a folder."""
    below = Path(settings.exchange.kind) / settings.fund.account
    elsewhere = None if settings.audit.anchors is None else Path(settings.audit.anchors) / below
    return Places(Path(settings.fund.state) / below, elsewhere)
