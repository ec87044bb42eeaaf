"""Forecast cache: what models said about bars, kept under a name made of everything that answer depends on.

Sources, bars, version and parameters make the name and the content makes the seal, so an entry is right or it is not
used: a damaged one is thrown away and computed again. The oldest entries leave when the folder is full.
"""

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from qt_ray import SOURCES
from qt_ray.adapters.files import write_atomic
from qt_ray.ai.forecast import Forecasts
from qt_ray.ai.votes import Ballot, OutlookRow, VoteRow
from qt_ray.core.codec import digest
from qt_ray.core.records import dtype
from qt_ray.market.bars import Bars

SEAL_BYTES = 32
# Who reads a model decides what it says, as much as the arithmetic does.
READERS = digest([path.read_text("utf-8") for path in sorted((Path(__file__).parent / "models").glob("*.py"))])
BYTES_MAX = 2 << 30


class ForecastCache:
    """Forecasts below one folder, `bytes_max` at most."""

    def __init__(self, root: Path, bytes_max: int = BYTES_MAX) -> None:
        self.root, self.bytes_max = root, bytes_max

    def get(self, bars: Bars, recipe: Mapping[str, Any]) -> Forecasts | None:
        """Return what was kept for these bars and this recipe, or None."""
        path = self._path(bars, recipe)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            return None
        body = sealed[SEAL_BYTES:]
        if sha256(body).digest() == sealed[:SEAL_BYTES]:
            with suppress(SafetensorError, KeyError, ValueError):
                path.touch()
                return _unpacked(load(body), bars.close.shape)
        path.unlink(missing_ok=True)
        return None

    def put(self, bars: Bars, recipe: Mapping[str, Any], forecasts: Forecasts) -> None:
        """Keep forecasts; what does not fit is not kept."""
        body = save(_packed(forecasts))
        if len(body) + SEAL_BYTES > self.bytes_max:
            return
        self._make_room(len(body) + SEAL_BYTES)
        write_atomic(self._path(bars, recipe), sha256(body).digest() + body)

    def _path(self, bars: Bars, recipe: Mapping[str, Any]) -> Path:
        return self.root / f"{digest([SOURCES, READERS, bars.digest(), dict(recipe)])}.forecasts"

    def _make_room(self, wanted: int) -> None:
        kept = sorted(self.root.glob("*.forecasts"), key=lambda path: path.stat().st_mtime_ns)
        total = sum(path.stat().st_size for path in kept)
        while kept and total + wanted > self.bytes_max:
            oldest = kept.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink(missing_ok=True)


def _packed(forecasts: Forecasts) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        "score": np.ascontiguousarray(forecasts.score),
        "confidence": np.ascontiguousarray(forecasts.confidence),
        "agreement": np.ascontiguousarray(forecasts.agreement),
        "members": np.array([forecasts.members], dtype=np.int64),
    }
    if forecasts.ballot:
        columns["votes"] = np.ascontiguousarray(forecasts.ballot.votes).reshape(-1).view(np.uint8)
        columns["outlook"] = np.ascontiguousarray(forecasts.ballot.outlook).reshape(-1).view(np.uint8)
    return columns


def _unpacked(columns: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> Forecasts:
    members, ballot = int(columns["members"][0]), None
    if "votes" in columns:
        votes = columns["votes"].view(dtype(VoteRow)).reshape((*shape, members))
        ballot = Ballot(votes, columns["outlook"].view(dtype(OutlookRow)).reshape(shape))
    return Forecasts(
        columns["score"].reshape(shape),
        columns["confidence"].reshape(shape),
        columns["agreement"].reshape(shape),
        members,
        ballot,
    )
