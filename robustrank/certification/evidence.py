"""The evidence of a certificate: the numbers of each document, and whether a kind of certificate can have them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from robustrank.certification.bounds import BOUNDS, PAPER, tightest_lower

# Kinds of certificates. Mean and median are about the exact smoothed scores, which the served ones estimate, and hold
# with probability 1 - alpha; the others are about the scores that are served, and hold for certain.
MEAN, MEDIAN = "mean", "median"
CANONICAL, LEXICAL, COUPLED_MEAN, COUPLED_MEDIAN = "canonical", "lexical", "coupled-mean", "coupled-median"
ERASED, INTERVAL = "erased", "interval"
ORDER_STATISTICS, EXACT, TERM_COUNTS, COVERAGE = "order-statistics", "exact", "term-counts", "coverage"
BLOCKS, SOFT_COUNTS = "blocks", "soft-counts"
KINDS = {  # kind -> its bounds
    MEAN: (*BOUNDS, PAPER),
    MEDIAN: (ORDER_STATISTICS,),
    CANONICAL: (EXACT,),
    LEXICAL: (TERM_COUNTS,),
    COUPLED_MEAN: (COVERAGE,),
    COUPLED_MEDIAN: (COVERAGE,),
    ERASED: (BLOCKS,),
    INTERVAL: (SOFT_COUNTS,),
}
SERVED_KINDS = (CANONICAL, LEXICAL, COUPLED_MEAN, COUPLED_MEDIAN, ERASED, INTERVAL)
ATTACKED_KINDS = (LEXICAL, INTERVAL)  # those that search a witness where a list is not certified
UNBOUNDED = 1.7976931348623157e308  # where samples give no bound, the largest double; JSON has no infinity
ROUNDING = 1e-9  # of a bound that is computed again
SINGLE = 1e-6  # of a score in [0, 1] that is served in single precision


@dataclass(frozen=True)
class Evidence:
    """The numbers of a document that decide the certificate of its list.

    Attributes:
        doc_id: The document.
        mean: The estimate of its smoothed score, which ranks it; in a median certificate, the median; the served score
            in a certificate of the served list.
        lower, upper: Confidence bounds on the smoothed score; the mean for the published bound, which has none. In a
            median certificate, ``upper`` bounds the median after any allowed edit. In a certificate of the served list
            both bound the served score after any allowed edit.
        rho: No allowed edit raises the smoothed score by more than 1 - rho; 1 without smoothing. In a coupled
            certificate it is the share of the copies that no allowed edit can change.
        samples: The number of smoothed copies scored; 1 without smoothing.
        text: The digest of the document; empty where it is not told.
        scores: The digest of the scores of the copies; empty without smoothing, or where it is not told.
        ceiling: What no copy of any allowed edit scores more than, in a coupled certificate, where that is known.
    """

    doc_id: str
    mean: float
    lower: float
    upper: float
    rho: float
    samples: int
    text: str = ""
    scores: str = ""
    ceiling: float = UNBOUNDED

    def fault(self, kind: str, bound: str, delta: float) -> str:
        """Return why no samples can give these numbers; empty if some can.

        Args:
            kind: The kind of the certificate.
            bound: Its bound, one of those of the kind.
            delta: The error probability of each bound of a document; 0 without sampling.
        """
        if not all(map(math.isfinite, (self.mean, self.lower, self.upper))):
            return "a score is not finite"
        if not 0 <= self.rho <= 1 or self.samples < 1:
            return f"rho is {self.rho:g} and samples {self.samples}; allowed: 0 to 1, and 1 or more"
        if not self.lower - ROUNDING <= self.mean <= self.upper + ROUNDING:
            return f"the bounds {self.lower:g} and {self.upper:g} do not enclose {self.mean:g}"
        if kind == MEDIAN:
            return self._median_fault(delta)
        if kind in SERVED_KINDS:
            return self._served_fault(kind)
        if not 0 <= self.lower <= self.upper <= 1:
            return f"the bounds {self.lower:g} and {self.upper:g} are not in 0 to 1"
        if bound == PAPER:
            return "" if self.lower == self.upper else "its bounds are not the score itself"
        return self._mean_fault(bound, delta)

    def _served_fault(self, kind: str) -> str:
        if kind == CANONICAL and self.lower != self.upper:
            return "its bounds are not the score itself"
        if kind in (COUPLED_MEAN, COUPLED_MEDIAN):
            return self._coupled_fault(kind)
        is_sampled = self.samples != 1 or self.rho != 1
        return f"a document of a {kind} certificate has 1 sample and rho 1" if is_sampled else ""

    def _coupled_fault(self, kind: str) -> str:
        """Return why copies cannot give these numbers when an edit can change the share 1 - rho of them."""
        changed = (1 - self.rho) * self.samples
        if abs(changed - round(changed)) > ROUNDING * self.samples:
            return f"rho {self.rho:g} is not a share of {self.samples} copies"
        if round(changed) == 0 and not self.lower == self.mean == self.upper:
            return "no copy can change, and its bounds are not the score itself"
        is_mean = kind == COUPLED_MEAN
        if self.mean > self.ceiling:
            return f"the score {self.mean:g} is above its ceiling {self.ceiling:g}"
        if is_mean and not 0 <= self.lower <= self.upper <= 1:
            return f"the bounds {self.lower:g} and {self.upper:g} are not in 0 to 1"
        if is_mean and max(self.upper - self.mean, self.mean - self.lower) > 1 - self.rho + SINGLE:
            return f"the bounds {self.lower:g} and {self.upper:g} are farther from {self.mean:g} than 1 - rho"
        return ""

    def _mean_fault(self, bound: str, delta: float) -> str:
        lower = tightest_lower(bound, self.mean, self.samples, delta)
        upper = 1 - tightest_lower(bound, 1 - self.mean, self.samples, delta)
        tightest = f"{self.samples} samples of mean {self.mean:g} give {lower:g} and {upper:g}"
        if self.lower > lower + ROUNDING or self.upper < upper - ROUNDING:
            return f"the bounds {self.lower:g} and {self.upper:g} are too tight: at best {tightest}"
        if bound == "hoeffding" and max(lower - self.lower, self.upper - upper) > ROUNDING:
            return f"the bounds {self.lower:g} and {self.upper:g} are not Hoeffding's: {tightest}"
        return ""

    def _median_fault(self, delta: float) -> str:
        """Return why the order statistics do not exist: that of a bound lies outside the samples."""
        share = 1.5 - self.rho  # the quantile that bounds the median after an edit
        most = delta * (1 + ROUNDING)
        if self.upper < UNBOUNDED and (share >= 1 or share**self.samples > most):
            return f"{self.samples} samples give no upper bound at rho {self.rho:g}"
        if self.lower > -UNBOUNDED and 0.5**self.samples > most:
            return f"{self.samples} samples give no lower bound"
        return ""
