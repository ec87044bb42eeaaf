import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qt_ray.engine.run import Run
from qt_ray.execution.fills import Cause
from qt_ray.monitoring.tearsheet import figures, render
from qt_ray.monitoring.tearsheet.markup import tag
from qt_ray.monitoring.tearsheet.page import POLICY
from qt_ray.monitoring.tearsheet.series import extremes
from qt_ray.monitoring.tearsheet.styles import DARK, LIGHT
from qt_ray.monitoring.tearsheet.tables import HEAT_MAX
from qt_ray.risk.reasons import Reason
from tests.unit.monitoring.runs import HOUR, MINUTE, UNIT, bars_of, bind, instrument, make_run

pytestmark = pytest.mark.unit

VOID = {"meta", "link", "br", "input", "col"}


class Page(HTMLParser):
    """A page taken apart: its elements must nest, its text and attributes are kept."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        assert self.stack == []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, key, value or "") for key, value in attributes]
        self.ids += [value or "" for key, value in attributes if key == "id"]
        if name not in VOID:
            self.stack.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.stack.pop() == name

    def handle_data(self, data: str) -> None:
        (self.scripts if self.stack[-1:] in (["script"], ["style"]) else self.words).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace(figures.SPACE, " ").split())

    @property
    def data(self) -> Any:
        return orjson.loads(next(script for script in self.scripts if script.startswith("{")))


def lively(symbols: int = 2, rows: int = 900, interval_ms: int = HOUR, names: Any = None) -> Run:
    """A run with a bit of everything: both sides, stops, blocked wishes, an emergency, funding."""
    dice = np.random.default_rng(11)
    closes = [np.round(100 * np.exp(np.cumsum(0.01 * dice.standard_normal(rows))), 2) for _ in range(symbols)]
    bars = bars_of(*closes, interval_ms=interval_ms, names=names)
    targets = {row: {row // 7 % symbols: int(dice.integers(-3, 4)) * 1000} for row in range(0, rows - 1, 7)}

    def mark(cycles: np.ndarray, table: np.ndarray) -> None:
        table["wish"] = 100
        for row in range(0, rows, 50):
            bind(table[row, 0], 20, Reason.CONFIDENCE, Reason.CORRELATION)
        cycles["tripped_by"][rows // 2 : rows // 2 + 20] = 1

    causes = {(row + 1, s): Cause.STOP for row in range(0, rows, 14) for s in range(symbols)}
    funding = dict.fromkeys(range(0, rows, 8), -UNIT // 10)
    parameters = {"fund": {"quote": "USDT"}, "predictor": {"kind": "trend", "windows": [10, 30]}}
    return make_run(
        bars,
        targets,
        fee_ppm=500,
        spread_ticks=1,
        causes=causes,
        funding=funding,
        mark=mark,
        parameters=parameters,
    )


LIVELY = render(lively(), "A lively run")


def test_the_page_asks_nothing_of_the_world() -> None:
    assert "://" not in LIVELY
    for element, key, value in Page(LIVELY).attributes:
        if key in ("src", "href", "action", "data", "poster", "srcset"):
            assert value.startswith(("#", "data:")), (element, key, value)
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|import\(|@import|url\((?!#)", LIVELY)
    assert ("meta", "content", POLICY) in Page(LIVELY).attributes
    assert POLICY.startswith("default-src 'none'")


def test_every_section_is_there_once_and_every_link_leads_to_one() -> None:
    page = Page(LIVELY)
    assert len(page.ids) == len(set(page.ids))
    for name in (
        "verdict",
        "equity",
        "months",
        "trades",
        "costs",
        "rules",
        "drawdowns",
        "outcomes",
        "regimes",
    ):
        assert name in page.ids
    for _, key, value in page.attributes:
        if key == "href" and value.startswith("#"):
            assert value[1:] in page.ids


def test_the_numbers_on_the_page_are_those_of_the_run() -> None:
    run = make_run(
        bars_of([100.0, 100.0, 110.0, 120.0, 120.0]),
        {0: {0: 10_000}, 3: {0: 0}},
        fee_ppm=1000,
        funding={2: -3 * UNIT},
        parameters={"quote": "USDT"},
    )
    text = Page(render(run, "Tiny")).text
    assert "The fund made 1.95 % net of all costs (194.80 USDT) in 5 days and 1 round trip." in text
    assert "Merely holding the one symbol would have gained 20.00 %" in text
    assert "Costs ate 3 % of the gross profit (fees 2.20, funding 3.00)" in text
    assert "too few returns" in text
    assert "The emergency stop did not trip." in text
    assert "Closed trips +197.80, funding −3.00: together +194.80, the account's net." in text


def test_the_verdict_tells_bad_news() -> None:
    text = Page(LIVELY).text
    assert "The emergency stop tripped once, on" in text
    assert "slippage is inside the prices" in text
    lost = make_run(bars_of([100.0, 100.0, 50.0, 50.0]), {0: {0: 1000}, 2: {0: 0}}, causes={(3, 0): Cause(4)})
    text = Page(render(lost, "Lost")).text
    assert "The fund lost 0.50 %" in text
    assert "The venue liquidated positions once." in text


def test_costs_above_the_gross_profit_are_called_that() -> None:
    run = make_run(bars_of([100.0, 100.0, 100.1, 100.1]), {0: {0: 1000}, 2: {0: 0}}, fee_ppm=2000)
    assert "It did not pay for its own trading." in Page(render(run, "Thin")).text


@settings(max_examples=20, deadline=None)
@given(st.text(min_size=1, max_size=40).filter(str.isprintable))
def test_a_name_from_outside_stays_text(name: str) -> None:
    hostile = f"</script><img src=x onerror=alert(1)>{name}"
    run = lively(1, 30, names=(hostile,))
    object.__setattr__(run, "parameters", {hostile: {hostile: hostile}})
    object.__setattr__(run, "digests", {hostile: hostile})
    page = Page(render(run, hostile))
    assert not any(element == "img" or key.startswith("on") for element, key, _ in page.attributes)
    assert page.data["prices"][0]["name"] == hostile


def extreme_runs() -> dict[str, Run]:
    def ruin(cycles: np.ndarray, _: np.ndarray) -> None:
        cycles["equity"][2:] = 0

    nan = float("nan")
    return {
        "one bar": make_run(bars_of([100.0]), {}),
        "no trades": make_run(bars_of([100.0] * 70), {}),
        "no prices": make_run(bars_of([nan] * 5), {}),
        "ruin": make_run(bars_of([100.0] * 50), {0: {0: 10}}, mark=ruin),
        "always open": make_run(bars_of([100.0, 101.0, 102.0]), {0: {0: 10}}),
        "a day of minutes": lively(1, 200, MINUTE),
    }


@pytest.mark.parametrize("name", extreme_runs())
def test_an_extreme_run_has_a_page_without_invented_numbers(name: str) -> None:
    page = Page(render(extreme_runs()[name], name))
    assert not re.search(r"\b(nan|inf|None|NaN|Infinity)\b", page.text)
    assert figures.NA in page.text
    assert page.data["equity"]["t"]


def test_a_long_record_stays_small_and_keeps_its_worst_moment() -> None:
    rows = 500_000
    close = 100 + np.sin(np.arange(rows) / 5_000)
    run = make_run(bars_of(close[:2], interval_ms=MINUTE), {})
    bars = bars_of(close, interval_ms=MINUTE)
    cycles = np.repeat(run.cycles[:1], rows)
    cycles["ts"] = bars.ts + MINUTE
    cycles["equity"] = (close * 100 * UNIT).astype(np.int64)
    cycles["equity"][321_123] = 6_000 * UNIT
    decisions = np.repeat(run.decisions[:1], rows)
    page = render(
        Run(bars, run.instruments, {}, {}, run.initial, cycles, decisions, run.fills),
        "Half a million minutes",
    )
    assert len(page) < 1_000_000
    data = Page(page).data["equity"]
    assert min(data["fund"]) == 6_000
    assert min(data["drawdown"]) == pytest.approx(6_000 / close.max() / 100 - 1, abs=1e-4)


def test_many_symbols_stay_within_bounds() -> None:
    run = make_run(bars_of(*[[100.0 + s, 101.0, 99.0] for s in range(120)]), {0: dict.fromkeys(range(120), 10)})
    page = Page(render(run, "Many"))
    assert len(page.data["prices"]) == 60
    assert "The 60 most traded of 120 symbols can be chosen." in page.text


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=300),
    st.integers(1, 40),
)
def test_downsampling_keeps_extremes_ends_and_order(values: list[float], buckets: int) -> None:
    column = np.array(values)
    rows = extremes((column,), buckets)
    assert (np.diff(rows) > 0).all()
    assert rows[0] == 0
    assert rows[-1] == len(values) - 1
    assert len(rows) <= 2 * buckets + 2
    if np.isfinite(column).any():
        assert np.nanmin(column[rows]) == np.nanmin(column)
        assert np.nanmax(column[rows]) == np.nanmax(column)


def test_figures_are_written_for_people() -> None:
    sp = figures.SPACE
    assert figures.money(1_234_567_89000000, signed=True) == f"+1{sp}234{sp}567.89"
    assert figures.money(-5_00000000) == "−5.00"
    assert figures.money(12_345) == "0.000123"
    assert figures.percent(-0.12345) == f"−12.35{sp}%"
    assert figures.number(-0.001) == "0.00"
    assert figures.number(float("nan")) == figures.times(float("inf")) == figures.NA
    assert figures.duration(5_400_000) == f"1.5{sp}h"
    assert figures.span(172_800_000) == "2 days"


def test_markup_escapes_what_is_not_markup() -> None:
    assert tag("b", "<i>", class_='"x"') == '<b class="&quot;x&quot;">&lt;i&gt;</b>'


def test_places_follow_the_tick() -> None:
    run = make_run(bars_of([0.5, 0.6]), {}, instruments=(instrument("X", "0.00010", "1"),))
    assert Page(render(run, "Places")).data["prices"][0]["places"] == 4


def test_nested_parameters_stay_readable() -> None:
    run = make_run(
        bars_of([1.0]), {}, parameters={"legs": [{"symbol": "A", "tick": "0.1"}, {"symbol": "B"}], "x": [1, 2]}
    )
    page = Page(render(run, "Nested"))
    assert "legs A symbol A tick 0.1 B symbol B x 1, 2" in page.text


def test_money_is_in_the_currency_that_every_symbol_ends_with() -> None:
    assert "0.00 USDT" in Page(render(make_run(bars_of([1.0]), {}), "Ends")).text
    assert "0.00 quote" in Page(render(make_run(bars_of([1.0], [1.0], names=("AUSDT", "BEUR")), {}), "Mixed")).text


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def blend(over: str, under: str, part: float) -> str:
    mixed = (round(int(over[at : at + 2], 16) * part + int(under[at : at + 2], 16) * (1 - part)) for at in (1, 3, 5))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_text_colour_has_aa_contrast(theme: str) -> None:
    colours = dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", theme))
    for ink in ("ink", "muted", "accent", "up", "down", "warn"):
        for paper in ("card", "bg"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for tint in ("up", "down"):
        assert contrast(colours["ink"], blend(colours[tint], colours["card"], HEAT_MAX / 100)) >= 4.5, tint
