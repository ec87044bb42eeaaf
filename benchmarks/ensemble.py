"""Ensemble: from evidence to votes and one outlook, all four members, against the libraries that trained them.

Ours is everything between features and forecast: envelopes, calibration, blend and interval. Theirs is the bare answer
of each library, and of onnxruntime, which compiles the networks ahead in an environment of its own. Nobody waits for
anything on one thread, so time is the processor's, of which a busy neighbour takes nothing.
"""

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.champion import BARS, KINDS, LOOKBACK_BARS, ROUNDS, Champion, champion
from benchmarks.form import Row, Sample, at_most, less_is_better, main
from benchmarks.libraries import Libraries, libraries, windows
from benchmarks.peers import environment
from benchmarks.reference_networks import told
from qt_ray.ai.ensemble.ensemble import Conduct, Ensemble
from qt_ray.ai.members.member import Evidence

ONE_ROW_MS_MAX, LIBRARIES_MS_MAX = 0.5, 1.5
# The members who are asked, how many symbols at once, and the milliseconds that a desk has for them.
DESKS = (("all", 100, 25.0), ("all", 1_000, 250.0), ("trees", 1_000, 20.0))
PARITY_MAX = 1e-5
PARITY_ROWS = 2_500
NETWORKS = KINDS[2:]
ONNX = (
    "torch==2.13.0",
    "numba==0.68.1",
    "onnx==1.23.2",
    "onnxscript==0.7.2",
    "onnxruntime==1.31.1",
    "orjson==3.13.0",
    "safetensors==0.8.0",
)


def p50(runs: int, calls: int, *works: Callable[[], object]) -> list[Sample]:
    """Return the milliseconds of half of all calls, by turns; `spread` is of the medians of the runs."""
    for work in works:
        work()
    rounds = [[median(burnt(work) for _ in range(calls)) for work in works] for _ in range(runs)]
    found = (Sample(median(medians), runs, (min(medians), max(medians))) for medians in zip(*rounds, strict=True))
    return [each.scaled(1e3) for each in found]


def burnt(work: Callable[[], object]) -> float:
    """Return the seconds of one call that this process had the processor."""
    started = time.process_time()
    work()
    return time.process_time() - started


def weighing(ensemble: Ensemble, evidence: Evidence) -> Callable[[], object]:
    """Return the work of one cycle: every row's votes, counted."""
    rows = len(evidence)
    regime, known_ms = np.zeros(rows, np.uint8), np.zeros(rows, np.int64)
    return lambda: ensemble.weigh(evidence, regime, known_ms)


def of_one(made: Champion, theirs: Libraries, runs: int) -> list[Row]:
    """Measure one row through everybody, as a desk with one symbol asks."""
    evidence = made.evidence(1)
    ensemble = made.fitted.ensemble(made.bars.symbols)
    ours, peer = p50(runs, 200, weighing(ensemble, evidence), lambda: theirs.ask(evidence))
    return [
        at_most("one row, 4 members, evidence to outlook, p50", "ms", ours, ONE_ROW_MS_MAX),
        at_most("one row, 4 libraries eager on one thread, p50", "ms", peer, LIBRARIES_MS_MAX),
        less_is_better("one row, 4 members, peer the libraries", "ms", ours, peer.value, 1.0),
    ]


def of_desk(made: Champion, theirs: Libraries, panel: str, symbols: int, ms_max: float, runs: int) -> list[Row]:
    """Measure a cycle of many symbols, as a fund asks at the close of a bar."""
    evidence, kinds = made.evidence(symbols), made.fitted.spec.panel(panel).kinds
    ensemble = made.fitted.ensemble(made.bars.symbols, Conduct(panel=panel))
    some = Libraries({kind: theirs.calls[kind] for kind in kinds})
    ours, peer = p50(runs, 3, weighing(ensemble, evidence), lambda: some.ask(evidence))
    name = f"{symbols} symbols, {panel} members" if panel == "all" else f"{symbols} symbols, {panel} only"
    return [
        at_most(f"{name}, evidence to outlook, p50", "ms", ours, ms_max),
        less_is_better(f"{name}, peer the libraries", "ms", ours, peer.value, 1.0),
    ]


def apart(made: Champion, theirs: Libraries, rows: int) -> list[Row]:
    """Return how far what is served is from what its library says, over the rows that a member speaks about."""
    evidence, found = made.evidence(rows), []
    for kind, member in made.fitted.members.items():
        served = member.opine(evidence).up
        gap = float(np.nanmax(np.abs(served - theirs.calls[kind](evidence))))
        name = f"{kind}, largest difference of P(up) from its library, {int(np.isfinite(served).sum())} rows"
        found.append(at_most(name, "P(up)", Sample(gap, 1, (gap, gap)), PARITY_MAX))
    return found


def onnx(made: Champion, rows: int, runs: int) -> Mapping[str, Any]:
    """Return what onnxruntime needs for the same networks on the same windows, in milliseconds by network."""
    with tempfile.TemporaryDirectory() as folder:
        for kind in NETWORKS:
            Path(folder, kind).write_bytes(made.learned[kind].artefact)
        np.save(Path(folder, "windows.npy"), windows(made.evidence(rows), LOOKBACK_BARS))
        return told("peer_onnx.py", environment("onnx", *ONNX), folder, json.dumps({"rows": rows, "runs": runs}))


def against_onnx(made: Champion, rows: int, runs: int) -> list[Row]:
    """Measure each network against its compiled graph, a single window and a batch of them."""
    peer, found = onnx(made, rows, runs), []
    for kind in NETWORKS:
        member = made.fitted.members[kind]
        for count, name in ((1, "one row"), (rows, f"batch of {rows}")):
            [ours] = p50(runs, max(1, 200 // count), partial(member.opine, made.evidence(count)))
            title = f"{kind}, {name}, peer onnxruntime {peer['version']}"
            found.append(less_is_better(title, "ms", ours, peer[kind][str(count)], 1.0))
    return found


def measure(quick: bool) -> list[Row]:
    """Measure one row, whole desks, the distance from the libraries, and the compiled graphs."""
    runs = 3 if quick else 9
    made = champion(*((40, 6_000) if quick else (ROUNDS, BARS)))
    theirs = libraries(made.learned, LOOKBACK_BARS)
    found = of_one(made, theirs, runs)
    for panel, symbols, ms_max in DESKS:
        found += of_desk(made, theirs, panel, symbols, ms_max, runs)
    return [*found, *apart(made, theirs, PARITY_ROWS), *against_onnx(made, 100, runs)]


if __name__ == "__main__":
    main(measure)
