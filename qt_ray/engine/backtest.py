"""Backtest: the live cycle over recorded bars, block by block, with nothing kept but what is written down.

Features and forecasts are stateless maps of past bars, so they are computed for a block at once; what depends on
the fund's own past runs bar by bar in the compiled cycle. Block size changes memory and never a bit of the result.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qt_ray.ai.forecast import Floats, Predictor, Snapshot
from qt_ray.ai.votes import Ballot
from qt_ray.core.codec import digest
from qt_ray.core.errors import Invalid
from qt_ray.core.money import money
from qt_ray.core.records import digest_of
from qt_ray.engine import cycle
from qt_ray.engine.run import Run
from qt_ray.engine.setup import Setup, open_world
from qt_ray.engine.tapes import Block, tape_of
from qt_ray.engine.world import Journal, World, build_journal, state_digest
from qt_ray.market.bars import Bars
from qt_ray.market.features.engine import FeatureEngine
from qt_ray.market.features.schema import FeatureSchema

BLOCK_BARS = 4_096
# Room for fills at the start, one per so many bars of a symbol; it grows when a fund trades more.
CELLS_PER_FILL = 24
SCHEMA = FeatureSchema()
Progress = Callable[[int], None]


def silent(bars: int) -> None:
    """Report progress to nobody."""


def forecast_blocks(bars: Bars, predictor: Predictor, block_bars: int = BLOCK_BARS) -> Iterator[Block]:
    """Yield the bars in blocks with what the predictor thinks of each."""
    features: FeatureEngine | None = None
    if predictor.needs:
        features = FeatureEngine(SCHEMA.subset(predictor.needs), bars.symbols, bars.interval_ms)
    first = 0
    for window in bars.blocks(block_bars):
        known: Floats = features.block(window) if features else np.zeros((len(window), len(bars.symbols), 0))
        yield Block(first, window, predictor.predict(Snapshot(window, known)))
        first += len(window)


class Simulation:
    """A fund on recorded bars: feed it blocks, then take its run."""

    def __init__(self, setup: Setup, bars: Bars) -> None:
        if bars.symbols != tuple(i.symbol for i in setup.instruments):
            raise Invalid(f"the bars' symbols are the instruments', were {', '.join(bars.symbols)}")
        if len(bars) == 0:
            raise Invalid("a backtest has at least one bar, had none")
        self.setup, self.bars, width = setup, bars, len(bars.symbols)
        self.world: World = open_world(setup, bars.interval_ms, int(bars.ts[0]))
        self.ballots: list[Ballot] = []
        self.journal: Journal = build_journal(len(bars), width, max(64, len(bars) // CELLS_PER_FILL) * width)

    def feed(self, block: Block) -> None:
        """Run the fund over one block."""
        self.feed_until(block, len(block.bars))

    def feed_until(self, block: Block, stop: int) -> None:
        """Run the fund over the first `stop` bars of a block, making room for fills as they come."""
        tape, at = tape_of(block), 0
        if block.forecasts.ballot:
            self.ballots.append(block.forecasts.ballot)
        while (at := cycle.run(self.world, tape, self.journal, at, stop)) < stop:
            self._make_room()

    def _make_room(self) -> None:
        fills: Any = self.journal.fills
        grown = np.zeros(len(fills) * 3 // 2, dtype=fills.dtype)
        grown[: len(fills)] = fills
        self.journal = self.journal._replace(fills=grown)

    def finish(self, predictor: Mapping[str, Any]) -> Run:
        """Return the run, with the digests of what went in and what came out."""
        journal: Any = self.journal
        fills: NDArray[np.void] = journal.fills[: int(journal.filled[0])]
        parameters = {"predictor": dict(predictor), **self.setup.plain()}
        digests = {
            "bars": self.bars.digest(),
            "setup": digest(parameters),
            "features": SCHEMA.hash,
            "cycles": digest_of(journal.cycles),
            "decisions": digest_of(journal.decisions),
            "fills": digest_of(fills),
            "state": state_digest(self.world),
        }
        ballot = Ballot.joined(self.ballots) if self.ballots else None
        if ballot:
            digests |= {"votes": digest_of(ballot.votes), "outlook": digest_of(ballot.outlook)}
        return Run(
            bars=self.bars,
            instruments=self.setup.instruments,
            parameters=parameters,
            digests=digests,
            initial=money(self.setup.initial),
            cycles=journal.cycles,
            decisions=journal.decisions,
            fills=fills,
            ballot=ballot,
        )


def run_backtest(
    setup: Setup,
    bars: Bars,
    predictor: Predictor,
    block_bars: int = BLOCK_BARS,
    progress: Progress = silent,
) -> Run:
    """Run a fund over bars and return all it wrote down."""
    simulation = Simulation(setup, bars)
    for block in forecast_blocks(bars, predictor, block_bars):
        simulation.feed(block)
        progress(len(block.bars))
    return simulation.finish({"kind": predictor.name})
