"""The runs that the tests read."""

from __future__ import annotations

from tests.report_rows import rows, run_folder, small_rows, small_run, study, write

__all__ = ["rows", "run_folder", "small_rows", "small_run", "study", "write"]
