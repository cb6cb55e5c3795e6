"""The rankers of docs/rankers.md do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.rankers.serving import ServedRanker
from tests.lists import served

PAGE = Path(__file__).parents[1] / "docs" / "rankers.md"


def test_the_rankers_of_the_page_run_as_written(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    orders = []
    for number, block in enumerate(blocks):
        (tmp_path / f"r{number}.py").write_text(block)
        ranker = ServedRanker(create("ranker", parse(str(tmp_path / f"r{number}.py"))))
        orders.append(served(ranker, {"a": "no such", "b": "rye bread today", "c": "x"}, "rye bread").doc_ids)
    assert orders == [("c", "a", "b"), ("b", "a", "c")]
