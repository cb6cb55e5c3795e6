"""Feedback of the victim model on candidate texts: scores (score-based attack) or ranks (rank-only attack)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.victim import Victim

Feedback = Literal["scores", "ranks"]


def query_victim(victim: Victim, feedback: Feedback, texts: Sequence[str]) -> NDArray[np.float64]:
    """Return float64[n], the scores of the texts or their negated ranks: higher is better."""
    return np.asarray(victim.scores(texts) if feedback == "scores" else -victim.ranks(texts), dtype=np.float64)
