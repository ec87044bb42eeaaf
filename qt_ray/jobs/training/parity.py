"""Parity: what is served against the library that trained it. Nothing is registered that the two do not agree on."""

from collections.abc import Mapping

import numpy as np

from qt_ray.adapters.models.assembly import PARITY_MAX
from qt_ray.adapters.models.learner import Learned
from qt_ray.adapters.models.reference import reference
from qt_ray.ai.sample import Sample
from qt_ray.core.errors import Invalid
from qt_ray.jobs.training.fit import Fitted

ROWS = 512


def parity(fitted: Fitted, learned: Mapping[str, Learned], sample: Sample) -> dict[str, float]:
    """Return the largest difference in P(up) between each served member and its library; refuse beyond PARITY_MAX."""
    rows = np.linspace(0, len(sample) - 1, min(ROWS, len(sample))).astype(np.int64)
    few, told = sample.take(rows), {}
    for kind, member in fitted.members.items():
        served = member.opine(few.evidence).up
        theirs = reference(kind, learned[kind].artefact, few.evidence, fitted.spec.features)
        apart = float(np.nanmax(np.abs(served - theirs), initial=0.0))
        if not apart <= PARITY_MAX:
            raise Invalid(f"{kind}: served as its library says, {PARITY_MAX:g} apart at most, was {apart:.3g}")
        told[f"parity.{kind}"] = apart
    return told
