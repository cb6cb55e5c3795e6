"""Effectiveness measures as a parameter of tasks."""

from __future__ import annotations

from typing import Annotated

from robustrank.measures.measure_names import parse_measure
from robustrank.plugins.constraints import Checked, Several

Measures = Several[Annotated[str, Checked(parse_measure, "measure, as nDCG@10, AP(rel=2)@100 or RR")]]
