"""Disagreement: four models not of one mind, a filter that counts them, and members that leave in the middle."""

from dataclasses import dataclass

import numpy as np
import pytest

from qt_ray.ai.ensemble.ensemble import VOLATILITY, Ensemble, Seat
from qt_ray.ai.members.member import Evidence, Opinions, Silence
from qt_ray.engine.backtest import run_backtest
from qt_ray.engine.rows import Action
from qt_ray.engine.run import Run
from qt_ray.risk.reasons import Reason, reasons_in
from tests.unit.ai.ensemble.fakes import FEATURES, KINDS, Told, spec_of
from tests.unit.engine.funds import candles, fund

pytestmark = pytest.mark.scenario

WARM = 70
COUNT = 90
LOST = (Silence.MISSING, Silence.OUT_OF_DISTRIBUTION, Silence.STALE)


def market(range_bps: int, count: int = COUNT) -> list[tuple[float, float, float, float]]:
    """Return candles as high as that, of which every second closes a tenth of a percent higher."""
    half = range_bps / 20_000
    return [(100.0, 100 * (1 + half), 100 * (1 - half), 100.0 + 0.1 * (at % 2)) for at in range(count)]


def traded(members: list[Told], range_bps: int) -> Run:
    """Return a fund of one contract that hears these members at four hundred a trade."""
    bars = candles(market(range_bps))
    ensemble = Ensemble(spec_of(), [Seat(member) for member in members], bars.symbols)
    return run_backtest(fund("4"), bars, ensemble)


def votes(*ups: float) -> list[Told]:
    """Return members who say so; NaN is one who is lost."""
    return [
        Told(kind, 0.5, Silence.OUT_OF_DISTRIBUTION) if np.isnan(up) else Told(kind, up)
        for kind, up in zip(KINDS, ups, strict=True)
    ]


def three_of_four(confidence: float) -> list[Told]:
    """Return three who agree and a fourth who does not, together exactly that confident."""
    against = 0.45
    agreed = (confidence - 0.30 * against) / 0.70
    return votes(agreed, agreed, agreed, against)


def judged(run: Run) -> tuple[float, set[Reason]]:
    """Return the share of the first wish that was granted, and who objected."""
    row = run.decisions[np.flatnonzero(run.decisions["wish"][:, 0])[0], 0]
    return float(row["granted"] / row["wish"]), set(reasons_in(int(row["bound"])))


# SPEC 3: "2/4 -> rejected agreement; 3/4 at .60 with 4 % ATR -> rejected confidence; .72 passes; .75 at 2 % passes".
@pytest.mark.requirement("Scenario-5", "S3 SignalQualityFilter")
@pytest.mark.parametrize(
    ("members", "atr_bps", "granted", "reasons"),
    [
        (votes(0.9, 0.9, 0.2, 0.4), 200, 0.0, {Reason.AGREEMENT}),
        (votes(0.9, 0.9, np.nan, np.nan), 200, 0.0, {Reason.AGREEMENT}),
        (three_of_four(0.60), 400, 0.0, {Reason.CONFIDENCE}),
        (three_of_four(0.72), 400, 0.5, {Reason.CONFIDENCE}),
        (three_of_four(0.75), 200, 1.0, set()),
        (votes(0.8, 0.8, 0.8, np.nan), 200, 1.0, set()),
        (votes(0.8, 0.8, 0.8, 0.8), 200, 1.0, set()),
    ],
    ids=["2/4", "2/4 and two lost", "3/4 at .60", "3/4 at .72", "3/4 at .75", "3/4 and one lost", "4/4"],
)
def test_the_filter_reads_an_ensemble_by_counts_and_confidence(
    members: list[Told], atr_bps: int, granted: float, reasons: set[Reason]
) -> None:
    assert judged(traded(members, atr_bps)) == (granted, reasons)


def test_a_refusal_can_be_explained_by_who_said_what() -> None:
    run = traded(votes(0.9, 0.9, np.nan, 0.2), 200)
    at = int(np.flatnonzero(run.decisions["wish"][:, 0])[0])
    assert run.decisions["action"][at, 0] == Action.REFUSED
    said = run.votes[at, 0]
    assert said["calibrated"].tolist() == pytest.approx([0.9, 0.9, np.nan, 0.2], nan_ok=True)
    assert said["silence"].tolist() == [0, 0, Silence.OUT_OF_DISTRIBUTION, 0]
    assert run.outlook["disagreement"][at, 0] > 0.3


def test_when_nobody_speaks_nothing_is_wished_and_nothing_is_bought() -> None:
    run = traded(votes(*[np.nan] * 4), 200)
    assert (run.decisions["wish"] == 0).all()
    assert len(run.fills) == 0


@dataclass(frozen=True)
class Leaves:
    """A member that is lost while its bars are volatile beyond a limit, as one that knows its bounds."""

    told: Told
    calm: float
    reason: Silence

    @property
    def kind(self) -> str:
        """Return the kind it stands for."""
        return self.told.kind

    @property
    def lookback(self) -> int:
        """Return no history."""
        return 0

    def opine(self, evidence: Evidence) -> Opinions:
        """Return what was told where it is calm."""
        lost = evidence.features[:, FEATURES.index(VOLATILITY)] > self.calm
        said = self.told.opine(evidence)
        silence = np.where(lost, self.reason, said.silence).astype(np.uint8)
        return Opinions(np.where(lost, np.nan, said.up), silence)


@pytest.mark.requirement("Scenario-5")
@pytest.mark.parametrize("reason", LOST)
def test_when_two_of_four_leave_what_is_held_stays_and_nothing_grows(reason: Silence) -> None:
    """Law: an abstention is no vote; a position is not closed because two models lost their way."""
    rows = market(200, WARM) + [(100.0, 101.0, 99.0, 100.0 + 0.8 * (at % 2)) for at in range(COUNT - WARM)]
    bars = candles(rows)
    members = [Told("xgboost", 0.8), Told("lightgbm", 0.8)]
    leaving = [Leaves(Told(kind, 0.8), 0.0015, reason) for kind in KINDS[2:]]
    run = run_backtest(fund("4"), bars, Ensemble(spec_of(), [Seat(one) for one in [*members, *leaving]], bars.symbols))
    silence = run.votes["silence"][:, 0, 3]
    assert (silence[WARM + 10 :] == reason).all()
    assert (silence[WARM - 5 : WARM] == Silence.SPOKE).all()
    assert run.fills["quantity"].tolist() == [4_000]
    assert (run.decisions["granted"][WARM + 10 :, 0] <= 4_000).all()
