"""A rehearsal wants something, and is the same each time; what was prepared leaves a fund nothing to compile."""

import subprocess
import sys

import pytest

from qt_ray.engine.rehearsal import rehearsed

pytestmark = pytest.mark.unit

# In a process of its own: here, other tests may have called any of them. These are called from Python; what they call
# themselves is in their own machine code.
UNUSED = """
from qt_ray.engine import live, rehearsal, takeover
from qt_ray.governance import framing
from qt_ray.market import quality_rules, regime
from qt_ray.market.features import push
from qt_ray.risk import drawdown

rehearsal.prepared()
kernels = [
    live.observe, live.fill, takeover.held, takeover.traded, takeover.revalued, framing._lay_out,
    regime.observe_columns, quality_rules.defects, quality_rules.judge_bar, push.push_columns, drawdown.observe,
]
print([kernel.py_func.__qualname__ for kernel in kernels if kernel._machine is None])
"""


def test_a_rehearsal_asks_every_stage_about_something_that_is_wanted() -> None:
    decision = rehearsed()
    assert (decision.rows["wish"] != 0).any()
    assert decision.digest() == rehearsed().digest()


def test_a_set_up_has_used_every_kernel_that_a_part_of_a_fund_uses() -> None:
    found = subprocess.run([sys.executable, "-c", UNUSED], capture_output=True, text=True, timeout=300, check=True)
    assert found.stdout.strip() == "[]"
