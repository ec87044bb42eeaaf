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

    @property
    def latch(self) -> Path:
        """Return the file that shuts entries out."""
        return self.folder / LATCH_FILE

    @property
    def journal(self) -> Path:
        """Return the folder of the journal."""
        return self.folder / "journal"


def places_of(settings: Settings) -> Places:
    """Return where the account of these settings keeps its memory; paper and live never share a folder."""
    return Places(Path(settings.fund.state) / settings.exchange.kind / settings.fund.account)
