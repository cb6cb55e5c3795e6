"""docs/attacks.md and docs/defenses.md are generated from the metadata of plug-ins."""

from __future__ import annotations

from pathlib import Path

import pytest

from robustrank.attack import COSTS
from robustrank.cli.page import page
from robustrank.plugins import availability, registry
from robustrank.victim import Access

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("kind", ["attack", "defense"])
def test_a_page_is_up_to_date(kind):
    hint = f"run: robustrank list {kind}s --markdown > docs/{kind}s.md"
    assert (DOCS / f"{kind}s.md").read_text(encoding="utf-8") == page(kind), hint


@pytest.mark.parametrize("kind", ["attack", "defense"])
def test_every_plugin_names_its_reference(kind):
    text = page(kind)
    for name in set(registry(kind)) - {"none"}:
        section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert "- Reference: " in section, name


def test_a_page_has_the_parameters_and_the_access_that_they_decide():
    text = page("attack")
    assert "| [pat](#pat) | ranks |" in text
    assert (
        "- `max_words` (`20`): maximum number of replaced words; the paper takes 20 for passages, 50 for documents"
        in text
    )


def test_every_attack_has_a_cost_class_and_victim_queries_are_not_free():
    for plugin, attack, _ in availability("attack"):
        assert attack is not None, plugin.name
        assert attack.cost in COSTS, plugin.name
        assert attack.cost != "free" or attack.access == Access.NOTHING, plugin.name
