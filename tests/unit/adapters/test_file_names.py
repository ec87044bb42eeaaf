from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.adapters.file_names import Hints, Kind, Unstored, hints, interval_ms, interval_name, kind_of
from qt_ray.core.errors import Invalid, InvalidConfig

pytestmark = pytest.mark.unit

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "binanceusdm_BTCUSDT_ohlcv_1h_20230108_20250824.parquet",
            Hints("binanceusdm", "BTCUSDT", Kind.OHLCV, HOUR),
        ),
        ("okx_BTC-USDT-SWAP_ohlcvqt_15m_1.parquet", Hints()),
        ("okx_BTC-USDT-SWAP_ohlcvqt_15m.parquet", Hints("okx", "BTC-USDT-SWAP", Kind.OHLCV, HOUR // 4)),
        ("bybit_ETHUSDT_funding_8h_20250622_20250820.parquet", Hints("bybit", "ETHUSDT", Kind.FUNDING, None)),
        (
            "binanceusdm_BTCUSDT_trades_tick_20240808_20240808.parquet",
            Hints("binanceusdm", "BTCUSDT", Kind.TRADES),
        ),
        ("BTC_USDT_USDT-5m-futures.feather", Hints(None, "BTCUSDT", Kind.OHLCV, HOUR // 12)),
        ("BTC_USDT_USDT-8h-funding_rate.feather", Hints(None, "BTCUSDT", Kind.FUNDING, None)),
        ("BTCUSDT-1m-2024-01.csv.gz", Hints(None, "BTCUSDT", None, 60_000)),
        ("bybit_BTCUSDT_1m_gappy.parquet", Hints("bybit", "BTCUSDT", None, 60_000)),
        ("whatever.csv", Hints()),
    ],
)
def test_a_name_tells_what_it_tells_and_no_more(name: str, told: Hints) -> None:
    assert hints(Path(name)) == told


def test_flags_win_over_the_name() -> None:
    name = hints(Path("binanceusdm_BTCUSDT_mark_1h.parquet"))
    assert Hints(symbol="X").over(name) == Hints("binanceusdm", "X", Kind.MARK, HOUR)


@given(st.sampled_from([1, 2, 5, 10, 15, 30]), st.sampled_from("smh"))
def test_an_interval_survives_its_name(count: int, unit: str) -> None:
    if unit == "h" and 24 % count:
        return
    assert interval_ms(interval_name(interval_ms(f"{count}{unit}"))) == interval_ms(f"{count}{unit}")


@pytest.mark.parametrize("text", ["", "1", "m", "0m", "7m", "1w", "2d", "-1m", "1.5h", "1mo"])
def test_an_interval_divides_a_day(text: str) -> None:
    with pytest.raises(InvalidConfig, match="divides a day"):
        interval_ms(text)


def test_kinds_without_a_place_are_named_as_such() -> None:
    with pytest.raises(Unstored, match="known but not stored"):
        hints(Path("binanceusdm_BTCUSDT_depthdiff_tick_20240808_20240809.parquet"))
    with pytest.raises(Invalid, match="is unknown"):
        kind_of("poetry", "x")
