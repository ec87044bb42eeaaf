"""Requirements: what the fund must do, by id; what is not built yet stands here as open, with its reason.

The tests say by themselves which of it they hold (`proofs.py` reads them), so a row cannot promise what nothing checks.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that must hold; `open` is why not all of it does yet."""

    id: str
    title: str
    open: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """Requirements of one source; `marker` is what pytest selects their tests by, if there is one."""

    title: str
    rows: tuple[Requirement, ...]
    marker: str = ""


LAWS: Final = Chapter(
    "The laws",
    (
        Requirement(
            "L1",
            "one truth: policy and emergency live in the policy store alone, and every order bears its version",
        ),
        Requirement(
            "L2",
            "the fence: no entry after an acknowledged emergency, under any schedule of kills and pauses",
        ),
        Requirement("L3", "fail closed: what is not known opens nothing, and lessening is always possible"),
        Requirement("L4", "risk only shrinks: a guard never enlarges or turns a wish, and one more rule never loosens"),
        Requirement("L5", "exact money: from the venue's string to the ledger and back, and rounding adds no risk"),
        Requirement(
            "L6",
            "a timeout is not a rejection: one intent is at most one order, whatever is lost or repeated",
        ),
        Requirement("L7", "nothing is lost that was acknowledged: not by a kill, an outage or a full disk"),
        Requirement("L8", "the venue is the truth about positions, and a difference stops entries"),
        Requirement("L9", "no position without protection at the venue"),
        Requirement(
            "L10",
            "the same code everywhere: the same inputs lead to the same bytes, in one process or several",
        ),
        Requirement("L11", "models never block exits, and have a deadline"),
        Requirement("L12", "no invented numbers: what is not known is shown as such"),
    ),
)
P0: Final = Chapter(
    "P0: founding requirements",
    (
        Requirement("P0-01", "one policy store, durable and answering"),
        Requirement("P0-02", "an emergency stop that stands guard"),
        Requirement("P0-03", "events are kept on disk while there is no bus, and told afterwards"),
        Requirement("P0-04", "the state of trades survives, with transitions by a table"),
        Requirement("P0-05", "sizes are capped when volatility is high"),
        Requirement("P0-06", "one model version everywhere, swapped without a lost request"),
        Requirement("P0-07", "the drawdown is watched, event by event"),
    ),
    "p0_patches",
)
P1: Final = Chapter(
    "P1: founding requirements",
    (
        Requirement("P1-01", "events are typed by a registry, and a payload that does not fit is refused"),
        Requirement("P1-02", "in high volatility the unsure are refused and the half sure get half"),
        Requirement("P1-03", "one risk authority: one table of rules, and layers that meet by their minimum"),
        Requirement("P1-04", "the coordinator answers a change of regime within two seconds"),
        Requirement("P1-05", "an emergency is left by the drawdown: EMERGENCY, PROTECTIVE, CAUTIOUS, NORMAL"),
    ),
    "p1_patches",
)
SPRINT5: Final = Chapter(
    "Sprint 5",
    (
        Requirement("Sprint5-1", "an outage of Redis: to disk, and replayed in order, once"),
        Requirement("Sprint5-2", "the venue's rate limits are kept, and learnt from its answers"),
        Requirement("Sprint5-3", "a flood of signals: a queue of 100, 10 a cycle, the best first"),
        Requirement("Sprint5-4", "no model data is made up: it is said to be unavailable, with a warning in the log"),
        Requirement("Sprint5-5", "profit and loss in decimals, to the cent, rounded half up"),
        Requirement("Sprint5-6", "what pages are told is batched: 10 events or 100 ms, 50 events a second"),
        Requirement("Sprint5-7", "a reset clears cooldown and latch, and nothing trips again at once"),
        Requirement("Sprint5-8", "a view of the policy older than 600 s is refreshed, with a warning in the log"),
        Requirement("Sprint5-9", "an order filled to less than 90 % is tried again for the rest"),
        Requirement("Sprint5-10", "a health service: the parts, the machine and their worst"),
    ),
    "sprint5",
)
SCENARIOS: Final = Chapter(
    "Scenarios",
    (
        Requirement("Scenario-1", "a normal market"),
        Requirement("Scenario-2", "high volatility"),
        Requirement("Scenario-3", "a flash crash: flat, the policy in emergency, and an event that says so"),
        Requirement("Scenario-4", "the policy store is down: nothing new, and back by itself"),
        Requirement("Scenario-5", "models disagree"),
        Requirement("Scenario-6", "a recovery from -12 % over -8 and -3 to -1 %, with three events"),
        Requirement("Scenario-7", "positions that are one bet share one limit"),
        Requirement("Scenario-8", "an outage of Redis"),
        Requirement("Scenario-9", "an outage of the venue, and its rate limit"),
        Requirement("Scenario-10", "a flood of 30 to 50 signals a second"),
    ),
    "scenario",
)
GOVERNANCE: Final = Chapter(
    "Governance",
    (
        Requirement(
            "S2 PolicyStore",
            "compare and set, durable before it is acknowledged, history, watch, a second copy",
        ),
        Requirement(
            "S2 OrchestratorPolicy",
            "one trading policy from regime, drawdown, exposure and losses; no is never late",
        ),
        Requirement("S2 PolicyObserver", "what was done beside what would have been said, signal by signal"),
        Requirement("S2 Stages", "authority grows one stage at a time, and the stage is logged"),
        Requirement("S2 TradeStateStore", "rows with revisions, kept over restarts and concurrent writers"),
        Requirement("S2 AuditLogger", "JSON lines by day with retention, and a chain in which every edit is found"),
    ),
)
RISK: Final = Chapter(
    "Risk",
    (
        Requirement(
            "S3 EmergencyStop",
            "states by a table, triggers, steps in order, reset by a person, three ways to stop",
        ),
        Requirement("S3 DrawdownMonitor", "soft and hard, confirmed, peaks kept, transfers that change nothing"),
        Requirement("S3 RiskGuard", "each reason, reservations, a kill switch that stays pulled, denials counted"),
        Requirement("S3 SafetyGovernor", "votes meet by their minimum, and nothing computed yet blocks"),
        Requirement("S3 SignalQualityFilter", "agreement by counts, confidence by volatility"),
        Requirement("S3 FundingRateFilter", "who would pay too much opens nothing"),
        Requirement(
            "S3 TradeLifecycle",
            "from approval to its end by a table, with R multiples",
            "R multiples are in reports only; a manager of trades comes with the strategies",
        ),
    ),
)
EXECUTION: Final = Chapter(
    "Execution",
    (
        Requirement("S4 EventDrivenExecutor", "a bounded queue of signals, every drop counted"),
        Requirement(
            "S4 OrderGateway",
            "Binance's wire, signed and timed, one adapter for paper, testnet and live",
            "testnet and live were never met: no real exchange is within reach",
        ),
        Requirement("S4 RateLimit", "weights, lanes, bans obeyed"),
        Requirement("S4 PartialFills", "the rest is tried again, and the sum never exceeds the wish"),
        Requirement("S4 SmartExecution", "market, limit, over time or iceberg, and what it cost against arrival"),
        Requirement("S4 Exits", "the table by regime, a stop that only tightens, breakeven, trail, part, time"),
        Requirement("S4 PositionsAndPnL", "one exact ledger that ties to the venue"),
        Requirement("S4 PaperVenue", "a matching engine behind the real protocol, traded on by other people's clients"),
    ),
)
AI: Final = Chapter(
    "AI",
    (
        Requirement("S5 Ensemble", "four members, weights by regime, calibrated, abstention instead of a fake vote"),
        Requirement(
            "S5 RlSizing",
            "sizes by a trained agent under the real guard",
            "the agent comes with the training of sizers; until then a fixed plan sizes, under the fallback of high "
            "volatility",
        ),
        Requirement(
            "S5 MetaStrategy",
            "a bandit over strategy profiles",
            "comes with the strategies",
        ),
        Requirement(
            "S5 ModelSupervisor",
            "scorecards by model and regime",
            "it observes; weights, quarantine and promotion come with continuous learning",
        ),
        Requirement(
            "S5 ContinuousLearning",
            "triggers, evaluation, registry, shadow, promotion, rollback",
            "reasons and registry are there, training and shadows in a running fund are not",
        ),
        Requirement("S5 RegimeDetector", "by symbol, with hysteresis"),
        Requirement("S5 HedgeFundOs", "eight reports, one mode, directives that are enforced through the policy store"),
        Requirement(
            "S5 OpportunityRanker",
            "a bounded set of symbols, ranked and rotated",
            "comes with the strategies",
        ),
    ),
)
EVENTS: Final = Chapter(
    "Events",
    (
        Requirement("S6 EventBus", "groups, bounded retries, dead letters, claims, one effect for each event"),
        Requirement("S6 EventBuffer", "fsynced segments, replayed once in order, commands never late"),
        Requirement("S6 Registry", "whoever listens is told, and whatever is told is heard"),
    ),
)
PEOPLE: Final = Chapter(
    "Serving, monitoring, people",
    (
        Requirement("S7 RayServe", "predict, size, explain; deadline, back-pressure, a swap without a lost request"),
        Requirement(
            "S7 HttpApi",
            "the routes, who may ask what, and what a bad request changes: nothing",
            "/api/clm, /api/models and /api/rl come with learning",
        ),
        Requirement(
            "S7 Dashboard",
            "pages for people",
            "the stream that feeds them is there, the pages come later",
        ),
        Requirement("S7 MetricsLogger", "a closed table of numbers, exported as Prometheus, on provisioned dashboards"),
        Requirement("S7 SystemHealth", "probes of what runs, worst first, and `qt doctor`"),
        Requirement("S7 PositionMonitor", "protection present, orphans found, reconciled by a timer"),
        Requirement("S7 SelfHealing", "what is done about an ill part never lessens when it gets worse"),
        Requirement(
            "S7 Alerts",
            "told once, again while nobody answers",
            "to the log and a webhook; Telegram, Slack and mail of their own come later",
        ),
    ),
)
CHAPTERS: Final = (LAWS, P0, P1, SPRINT5, SCENARIOS, GOVERNANCE, RISK, EXECUTION, AI, EVENTS, PEOPLE)
REQUIREMENTS: Final = {row.id: row for chapter in CHAPTERS for row in chapter.rows}
