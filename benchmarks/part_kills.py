"""Part kills: every part of a living fund is killed with SIGKILL while it trades, alone and two at a time.

Real actors, a real Redis, and a paper venue in a process that survives. After each kill the parts must be ready again
and the books equal the venue's; then Redis is kept away for a minute; the record, the journals and the bus are read at
the end; and at last the whole head of Ray is killed under a fund of its own. Anything broken is exit code 1.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.bus_outage import TOLD, Outage
from benchmarks.form import Row, Sample, at_least, at_most, report
from benchmarks.fund_head import HeadDeath, head_death
from benchmarks.inquest import bare_ms
from benchmarks.kill_campaign import Campaign, Plan, Toll, planned
from benchmarks.trading_fund import NAMES, SEED, fund_in, told
from qt_ray.actors.topology import DESK, GATEWAY, POLICY_STORE

SINGLES, PAIRS, PAIRS_ALL = 2, 12, 66
AWAY_S, AWAY_S_QUICK = 60.0, 10.0
QUICK: Final = ((DESK,), (GATEWAY,), (POLICY_STORE,))
BAR_S: Final = 60.0
READY_S, EQUAL_S, HEAD_S, REPLAY_S = 5.0, 10.0, 30.0, 1.0
BARE_MS, BARE_KILLED_MS = 2_000.0, 5_000.0
# The first word of whatever is broken, and what it is about.
BROKEN: Final = {
    "V1": "fills lost or invented",
    "V2": "positions that differ",
    "V3": "wallets that differ",
    "V4": "orders doubled",
    "V5": "orders without an earlier journalled intent",
    "V7": "events on the bus twice",
    "V8": "records that do not verify",
    "V9": "positions whose stops do not cover them",
    "V12": "journals that replay differently",
    "V14": "funds that were not whole again",
    "policy": "acknowledged policy writes lost",
    "bar": "bars decided on twice, or not seen in their place",
    "desk": "desks that began anew",
    "untold": "decisions and trades never told",
    "emergency": "emergencies that a kill set off",
}


def rows(toll: Toll, plan: Plan) -> Iterator[Row]:
    """Yield what a campaign came to, of so many kills that were planned."""
    kills = len(toll.rebirths)
    yield at_least("kills", "count", count(kills, kills), len(plan.kills))
    yield at_least("orders the venue took", "count", count(len(toll.venue.of("order", "algo")), kills), kills)
    yield at_least("trades compared", "count", count(len(toll.venue.of("trade")), kills), kills)
    if toll.remains is not None:
        yield at_least("bars decided on", "count", count(toll.remains.decisions, kills), 2)
        yield at_least("lines of the record", "count", count(toll.remains.lines, kills), kills)
    yield at_least("policy writes acknowledged", "count", count(toll.writes, kills), kills)
    yield from _times(toll)
    words = [said.split(" ", 1)[0] for said in toll.broken]
    yield from (at_most(said, "count", count(words.count(word), kills), 0) for word, said in BROKEN.items())
    if toll.outage is not None:
        yield from outage_rows(toll.outage, plan.away_s)


def _times(toll: Toll) -> Iterator[Row]:
    """Yield how long it took until parts, fund and books were there again, and for how long nothing kept a position."""
    alone = [one for one in toll.rebirths if len(one.victims) == 1]
    for name in NAMES:
        took_s = [one.ready_s[name] for one in alone if name in one.ready_s]
        yield from spread(f"{name} killed, ready again", "s", took_s, READY_S)
    pairs = [max(one.ready_s.values()) for one in toll.rebirths if len(one.victims) == 2]
    yield from spread("two parts killed at once, both ready again", "s", pairs, READY_S)
    yield from spread("after a kill, every part ready", "s", [one.whole_s for one in toll.rebirths], EQUAL_S)
    yield from spread("after a kill, every part ready and the books the venue's", "s", toll.equal_s, EQUAL_S)
    calm, hurt = bare_ms(toll.venue, toll.guarded)
    yield from spread("position without a stop", "ms", calm, BARE_MS, ("p99", 0.99))
    yield from spread("position without a stop, over a kill of the gateway", "ms", hurt, BARE_KILLED_MS)


def outage_rows(found: Outage, away_s: float) -> Iterator[Row]:
    """Yield how a fund went on without Redis, and what became of what was told meanwhile."""
    away = f"Redis killed for {away_s:.0f} s"
    if away_s >= BAR_S:
        yield at_least(f"{away}, bars decided on meanwhile", "count", count(found.decisions, 1), 1)
    yield at_least(f"{away}, fills and ends booked meanwhile", "count", count(found.tidings, 1), 1)
    yield at_least(f"{away}, events kept of {TOLD}", "count", count(found.kept, 1), TOLD)
    yield at_least(f"{away}, events replayed of {TOLD}", "count", count(found.replayed, 1), TOLD)
    yield at_most(f"{away}, events twice or out of order", "count", count(found.strayed, 1), 0)
    yield at_most(f"{away}, back until all is replayed", "s", count(found.replay_s, 1), REPLAY_S)
    yield at_most(f"{away}, back until every part is ready", "s", count(found.whole_s, 1), READY_S)


def head_rows(found: HeadDeath) -> Iterator[Row]:
    """Yield how long a fund took to be there again after the head of its Ray, and whether its books were right."""
    itself = "head killed, PolicyStore and EmergencyStop ready again by themselves"
    yield at_most(itself, "s", count(found.detached_s, 1), HEAD_S)
    yield at_most("head killed, all twelve ready once qt up is begun again", "s", count(found.whole_s, 1), HEAD_S)
    yield at_most("head killed, books that differ from the venue", "count", count(len(found.finding.broken), 1), 0)


def spread(name: str, unit: str, values: Sequence[float], most: float, *shares: tuple[str, float]) -> Iterator[Row]:
    """Yield median and maximum of some values, or other shares of them, each promised to be at most so much."""
    found = sorted(values)
    for label, share in shares or (("p50", 0.5), ("max", 1.0)):
        if found:
            at = min(int(len(found) * share), len(found) - 1)
            yield at_most(f"{name}: {label}", unit, Sample(found[at], len(found), (found[0], found[-1])), most)


def count(value: float, runs: int) -> Sample:
    """Return a value that was found once over so many kills."""
    return Sample(value, runs, (value, value))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign and report it in the form of every benchmark."""
    parser = argparse.ArgumentParser(description="Kill the parts of a living fund.")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    parser.add_argument("--out", type=Path, help="a file for the rows, one JSON object each, beside what is shown")
    parser.add_argument("--quick", action="store_true", help="three kills: a smoke test, not a number")
    parser.add_argument("--all-pairs", action="store_true", help=f"all {PAIRS_ALL} pairs instead of {PAIRS}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"whom to kill when, {SEED} when absent")
    options = parser.parse_args(argv)
    kills = QUICK if options.quick else planned(SINGLES, PAIRS_ALL if options.all_pairs else PAIRS, options.seed)
    plan = Plan(kills, AWAY_S_QUICK if options.quick else AWAY_S, options.seed)
    with TemporaryDirectory(prefix="qt-kills-") as folder, fund_in(Path(folder)) as fund:
        toll = asyncio.run(Campaign(fund, plan).run())
    found = list(rows(toll, plan))
    if not options.quick:
        with TemporaryDirectory(prefix="qt-head-") as folder:
            found += head_rows(head_death(Path(folder)))
    report(found, options.json)
    if options.out is not None:
        options.out.write_text("".join(row.line() + "\n" for row in found), encoding="utf-8")
    return verdict(toll)


def verdict(toll: Toll) -> int:
    """Return the exit code, and say in the last line on the other stream why it is not 0."""
    if toll.broken:
        told(f"{len(toll.broken)} things were broken by {len(toll.rebirths)} kills")
    return 1 if toll.broken else 0


if __name__ == "__main__":
    sys.exit(main())
