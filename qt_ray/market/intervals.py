"""Intervals: how long a bar of each name is; only lengths that divide a day, so that every bar has one place.

They stand alone because both settings and a venue's adapter name bars, and an adapter has no use for settings.
"""

from typing import Final

INTERVALS_MS: Final = {
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
}
