"""What an attack asks of its victim to tell a better text: scores, or ranks alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.victim import Victim

Feedback = Literal["scores", "ranks"]


def ask(victim: Victim, feedback: Feedback, texts: Sequence[str]) -> NDArray[np.float64]:
    """Return float64[n]: scores, or ranks with the sign turned, so that higher is better."""
    return np.asarray(victim.scores(texts) if feedback == "scores" else -victim.ranks(texts), dtype=np.float64)
