"""Assembly: nothing takes a seat that was not checked, and an empty seat says why it is empty."""

from dataclasses import replace
from pathlib import Path

import pytest

from qt_ray.adapters.models.assembly import (
    ENVELOPE_FILE,
    MODEL_FILES,
    SPEC_FILE,
    AnotherSchema,
    assemble,
    assemble_what_is_whole,
    prove,
    read_spec,
)
from qt_ray.adapters.models.manifest import Artefact
from qt_ray.adapters.models.registry import Registry
from qt_ray.ai.ensemble.ensemble import USUAL
from qt_ray.ai.members.member import Silence
from qt_ray.core.errors import Invalid, InvalidConfig
from qt_ray.jobs.training.register import register
from tests.unit.jobs.training.tiny import tiny

pytestmark = pytest.mark.unit

SAYS = ("ada", "for a test", 1_700_000_000_000)
HOUR_MS = 3_600_000
VOUCHED = {"parity.xgboost": 1e-7, "parity.lightgbm": 0.0}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def registered(registry: Registry, metrics: dict[str, float] = VOUCHED) -> str:
    made = tiny()
    return register(registry, made.plan, made.bars, made.fitted, made.learned, metrics, "ada")


def with_another_member(registry: Registry, version: str, **change: str) -> str:
    """Return a version of the same ensemble in which xgboost's manifest is changed."""
    spec, whole = read_spec(registry, version), registry.manifest(version)
    old = whole.members["xgboost"]
    files = {file: registry.artefact(old, file) for file in (MODEL_FILES["xgboost"], ENVELOPE_FILE)}
    changed = registry.put(replace(registry.manifest(old), **change), files, *SAYS)
    seats = tuple(replace(seat, version=changed) if seat.kind == "xgboost" else seat for seat in spec.seats)
    content = replace(spec, seats=seats).data()
    members = {**whole.members, "xgboost": changed}
    manifest = replace(whole, artefacts={SPEC_FILE: Artefact.of(content)}, members=members)
    return registry.put(manifest, {SPEC_FILE: content}, *SAYS)


def broken_object(registry: Registry, version: str, kind: str) -> Path:
    member = registry.manifest(registry.manifest(version).members[kind])
    return registry.root / "objects" / member.artefacts[MODEL_FILES[kind]].sha256


def test_a_whole_ensemble_has_everybody_in_their_seats(registry: Registry) -> None:
    version = registered(registry)
    one = assemble(registry.root, tiny().bars.symbols, HOUR_MS, version)
    other, complaints = assemble_what_is_whole(registry.root, tiny().bars.symbols, version, USUAL)
    assert complaints == ()
    assert [seat.silence for seat in (*one.seats, *other.seats)] == [Silence.SPOKE] * 4
    prove(registry, version)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing", "pickle"])
def test_a_member_that_is_not_whole_refuses_a_run_and_leaves_a_fund_its_empty_seat(
    registry: Registry, damage: str
) -> None:
    version, symbols = registered(registry), tiny().bars.symbols
    path = broken_object(registry, version, "xgboost")
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        spoilt = {"flipped": bytes([content[0] ^ 1]) + content[1:], "truncated": content[:-1], "pickle": b"\x80\x04N."}
        path.write_bytes(spoilt[damage])
    with pytest.raises(Invalid, match=path.name):
        assemble(registry.root, symbols, HOUR_MS, version)
    with pytest.raises(Invalid, match=path.name):
        prove(registry, version)
    ensemble, complaints = assemble_what_is_whole(registry.root, symbols, version, USUAL)
    assert [seat.silence for seat in ensemble.seats] == [Silence.MISSING, Silence.SPOKE]
    assert len(complaints) == 1
    assert path.name in complaints[0]


def test_a_member_of_another_schema_is_refused_and_its_seat_says_so(registry: Registry) -> None:
    version = with_another_member(registry, registered(registry), feature_schema="f" * 64)
    with pytest.raises(AnotherSchema, match="reads features of schema"):
        assemble(registry.root, tiny().bars.symbols, HOUR_MS, version)
    ensemble, complaints = assemble_what_is_whole(registry.root, tiny().bars.symbols, version, USUAL)
    assert ensemble.seats[0].silence is Silence.SCHEMA
    assert "ffffffffffff" in complaints[0]


def test_bars_of_another_interval_are_refused(registry: Registry) -> None:
    with pytest.raises(InvalidConfig, match=r"is about bars of 3600000 ms, market\.interval was 60000 ms"):
        assemble(registry.root, tiny().bars.symbols, 60_000, registered(registry))


def test_who_is_not_in_a_panel_is_not_asked(registry: Registry) -> None:
    with pytest.raises(InvalidConfig, match=r"predictor\.members: one of all"):
        assemble(registry.root, tiny().bars.symbols, HOUR_MS, registered(registry), members="networks")


@pytest.mark.parametrize("metrics", [{}, {"parity.xgboost": 1e-7}, {**VOUCHED, "parity.lightgbm": 2e-5}])
def test_what_does_not_say_what_its_library_says_is_never_proven(registry: Registry, metrics: dict[str, float]) -> None:
    version = registered(registry, metrics)
    with pytest.raises(Invalid, match="serves within 1e-05 of its library"):
        prove(registry, version)
