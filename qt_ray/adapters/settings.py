"""Settings: everything a run can be told before it starts, by section, with units last in names.

Policy is not here: what the fund may do is changed while it runs, by named persons, with a history; settings
only say where that policy starts. Defaults are a simulated fund, so nothing trades money by omission.
"""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from qt_ray.adapters.settings_alerts import Alerts
from qt_ray.adapters.settings_desk import Desk
from qt_ray.adapters.settings_exchange import Exchange
from qt_ray.adapters.settings_serving import Serving
from qt_ray.adapters.settings_strategy import DynamicExits, Exits, FixedFraction, Predictor, Sizer, Trend
from qt_ray.adapters.settings_training import Training
from qt_ray.adapters.settings_values import (
    Amount,
    Count,
    Moment,
    Name,
    NotNegative,
    Rate,
    Section,
    Share,
    Symbols,
    Text,
    Whole,
    milliseconds,
)
from qt_ray.core.limits import Mode
from qt_ray.market.intervals import INTERVALS_MS

Interval = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"]


class Fund(Section):
    """Whose money it is."""

    name: Name = "fund"
    """Names the fund in ids, records and reports."""
    account: Name = "main"
    """The account at the venue; each account has one writer."""
    initial_balance: Amount = Decimal(10_000)
    """Wallet at the start of a simulation, in `quote`."""
    quote: Literal["USDT", "USDC"] = "USDT"
    """Currency of balances, fees and profit."""
    state: Text = "state"
    """Folder of what must survive: each account's journal and latch lie below it."""


class Market(Section):
    """What is traded, on which bars, over which time."""

    venue: Literal["binanceusdm"] = "binanceusdm"
    """The venue whose rules, filters and brackets apply."""
    symbols: Symbols = ("BTCUSDT", "ETHUSDT")
    """The universe, as a list or as words between commas."""
    interval: Interval = "1h"
    """Length of the bars that decisions are made on."""
    start: Moment | None = None
    """First bar's open, UTC; null takes all there is."""
    end: Moment | None = None
    """No bar opens at or after this moment, UTC; null takes all there is."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(f"start is before end {self.end}")
        return self

    @property
    def interval_ms(self) -> int:
        """Return the length of a bar in milliseconds."""
        return INTERVALS_MS[self.interval]

    @property
    def start_ms(self) -> int | None:
        """Return the first open time in milliseconds."""
        return None if self.start is None else milliseconds(self.start)

    @property
    def end_ms(self) -> int | None:
        """Return the moment at which bars stop, in milliseconds."""
        return None if self.end is None else milliseconds(self.end)


class Data(Section):
    """Where market data lives."""

    root: Text = "data"
    """Folder of the catalogue that `qt data import` writes."""
    source: Literal["catalogue", "synthetic"] = "catalogue"
    """Stored bars, or a seeded synthetic market."""
    synthetic_bars: Count = 20_000
    """Bars of the synthetic market."""
    synthetic_strength: NotNegative = Decimal("0.12")
    """Planted predictability of the synthetic market; 0 plants none."""
    infer_filters: bool = False
    """Infer tick and step from the bars instead of requiring the venue's filters."""
    instruments: Text | None = None
    """File of filters and brackets; null takes the one that comes with the program."""


class Venue(Section):
    """The simulated venue: how late, how deep and how dear it is."""

    latency_ms: Whole = 50
    """From decision to matching."""
    half_spread_bps: NotNegative = Decimal("0.5")
    """Half the distance between bid and ask, paid by each taker."""
    slippage_bps: NotNegative = Decimal(0)
    """Paid by each taker beyond the half spread, whatever the size."""
    impact_coefficient: NotNegative = Decimal("0.1")
    """Impact is this, times the bar's volatility, times the root of the share of its volume taken."""
    depth_minutes: Amount = Decimal(5)
    """Depth of the book's ten levels, in minutes of average volume."""
    entry: Literal["market", "limit"] = "market"
    """How positions are opened; they are always closed at the market."""
    limit_offset_bps: Whole = 0
    """How far below the last price a limit entry bids, or above it offers."""
    assume_no_funding: bool = True
    """Where the bars carry no funding at all: true trades as if there were none, false refuses every entry."""
    participation_max_bps: Share = 1_000
    """Most of a bar's volume that may be ours; the rest of an order waits for the next bar."""
    queue: Literal["through", "touch"] = "through"
    """A limit order fills when the price goes through it, or already when it touches."""
    maker_bps: Rate | None = None
    """Overrides the instruments' maker fee; null keeps theirs."""
    taker_bps: Rate | None = None
    """Overrides the instruments' taker fee; null keeps theirs."""


class Signals(Section):
    """The queue between deciding and sending."""

    queue_max: Count = 100
    """Signals that wait at most; a better newcomer replaces the worst."""
    per_cycle_max: Count = 10
    """Signals sent in one cycle at most, the most confident first."""


class PolicySeed(Section):
    """Where a fresh fund's policy starts; later changes go through the policy store."""

    seed: Text = "policy/default.yaml"
    """File of revision 1, from the folder of the configuration."""
    mode: Mode | None = None
    """Starts in this mode instead of the file's."""


class Bus(Section):
    """What carries events between the parts of a running fund."""

    url: Text | None = None
    """Address of a Redis of your own, without a password, since every part is told it; null embeds one in the fund."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.url is not None and not self.url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("url begins with redis://, rediss:// or unix://")
        if self.url is not None and "@" in self.url:
            raise ValueError("url has no name and no password in it")
        return self


class Audit(Section):
    """The record of what was done: where it is proven, and how long it is kept."""

    anchors: Text | None = None
    """Folder of the signed anchors, best on another disk; null keeps them beside the log."""
    kept_days: Count = 90
    """Days that a record is kept in full."""
    kept_longer_days: Count = 365
    """Days that records of emergencies and of the policy are kept in full."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.kept_longer_days < self.kept_days:
            raise ValueError(f"kept_longer_days is at least kept_days {self.kept_days}")
        return self


class Credentials(Section):
    """Keys of the venue; only from the secrets folder or a variable, and never shown."""

    api_key: SecretStr | None = None
    """The key's public half; it may trade and read, and must not withdraw."""
    api_secret: SecretStr | None = None
    """The key's private half."""
    ess_key: SecretStr | None = None
    """The emergency stop's own key, so that it still acts when the other is revoked; null shares `api_key`."""
    ess_secret: SecretStr | None = None
    """The private half of the emergency stop's key."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for one, other in (("api_key", "api_secret"), ("ess_key", "ess_secret")):
            if (getattr(self, one) is None) is not (getattr(self, other) is None):
                raise ValueError(f"{one} and {other} come together")
        return self


class Run(Section):
    """How a run is carried out; none of it may change a digest, except the seed."""

    out: Text = "runs"
    """Folder that gets one sub-folder per run."""
    seed: Whole = 7
    """Seed of every chance in the run."""
    block_bars: Count = 4_096
    """Bars computed at once; memory grows with it, results do not."""
    workers: Count = 1
    """Processes that forecast and sweep."""
    cache: Text | None = "data/cache"
    """Folder that keeps what models said about bars; null keeps nothing."""
    operator_reset_hours: Whole = 0
    """Hours after which a simulated person resets a tripped emergency stop; 0 means that nobody does."""


class Settings(Section):
    """All sections."""

    fund: Fund = Fund()
    market: Market = Market()
    data: Data = Data()
    venue: Venue = Venue()
    exchange: Exchange = Exchange()
    predictor: Predictor = Field(default=Trend(), discriminator="kind")
    sizer: Sizer = Field(default=FixedFraction(), discriminator="kind")
    exits: Exits = Field(default=DynamicExits(), discriminator="kind")
    signals: Signals = Signals()
    policy: PolicySeed = PolicySeed()
    bus: Bus = Bus()
    audit: Audit = Audit()
    alerts: Alerts = Alerts()
    credentials: Credentials = Credentials()
    train: Training = Training()
    serving: Serving = Serving()
    desk: Desk = Desk()
    run: Run = Run()
