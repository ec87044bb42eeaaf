"""A record is plain data that outlives the program: it can be written, read back and is the same."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qt_ray.core.codec import canonical, decode
from qt_ray.core.payloads import DecisionMade
from qt_ray.core.restore import restore
from qt_ray.governance.audit_records import AuditRecord, trade_decision

pytestmark = pytest.mark.unit


@given(st.none() | st.floats(0, 1))
def test_a_decision_with_any_confidence_can_be_written_down(confidence: float | None) -> None:
    two = Decimal(2)
    made = DecisionMade("d", "main", "BTCUSDT", 1, two, two, confidence, "enter", "", (), 1, 1, "f")
    record = trade_decision(made, "Desk", 1, None)
    assert restore(AuditRecord, decode(canonical(record))) == record
    assert record.metadata["confidence"] == confidence
