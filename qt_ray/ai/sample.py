"""Sample: rows to learn from, in order of time, with what came after each.

The bars are kept once, as a tape that rows point into, because windows written out would take a hundred times the
memory. A row is complete: its features, its window and its outcome are all known.
"""

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.members.member import Evidence, Floats, Ints, Singles
from qt_ray.core.records import digest_of


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Evidence with outcomes: `up` is 1 or 0, `ret` the log return to the horizon, `ts` when the row was known.

    `until` is when the outcome was known; a row may teach nothing to a model that is judged before that moment.
    """

    evidence: Evidence
    up: Singles
    ret: Floats
    ts: Ints
    until: Ints
    symbol: NDArray[np.int32]
    regime: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ts)

    def digest(self) -> str:
        """Return the SHA-256 of every column, in their order."""
        seen = (self.evidence.features, self.evidence.tape, self.evidence.ends)
        came = (self.up, self.ret, self.ts, self.until, self.symbol, self.regime)
        return sha256("".join(digest_of(column) for column in (*seen, *came)).encode()).hexdigest()

    @property
    def nbytes(self) -> int:
        """Return the memory of every column, the tape's included."""
        seen = self.evidence
        columns = (
            seen.features,
            seen.tape,
            seen.ends,
            self.up,
            self.ret,
            self.ts,
            self.until,
            self.symbol,
            self.regime,
        )
        return sum(column.nbytes for column in columns)

    def take(self, rows: Ints | slice) -> "Sample":
        """Return some of the rows; the tape stays whole and shared."""
        evidence = replace(self.evidence, features=self.evidence.features[rows], ends=self.evidence.ends[rows])
        return Sample(
            evidence=evidence,
            up=self.up[rows],
            ret=self.ret[rows],
            ts=self.ts[rows],
            until=self.until[rows],
            symbol=self.symbol[rows],
            regime=self.regime[rows],
        )
