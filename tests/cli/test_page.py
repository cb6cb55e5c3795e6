"""docs/attacks.md and its like are generated from the metadata of plug-ins."""

from __future__ import annotations

import pytest

from robustrank.attack import COSTS
from robustrank.cli.page import page
from robustrank.plugins import availability, registry
from robustrank.victim import Access
from tests.docs_pages import DOCS, PAGES, PARTS, generated


@pytest.mark.parametrize("name", [*PAGES, *PARTS])
def test_a_page_is_up_to_date(name):
    assert (DOCS / name).read_text(encoding="utf-8") == generated(name), "run: python -m tests.docs_pages"


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
        "- `max_words` (`20`; integer, 1 or more): maximum number of replaced words; "
        "the paper takes 20 for passages, 50 for documents" in text
    )


def test_every_attack_has_a_cost_class_and_victim_queries_are_not_free():
    for plugin, attack, _ in availability("attack"):
        assert attack is not None, plugin.name
        assert attack.cost in COSTS, plugin.name
        assert attack.cost != "free" or attack.access == Access.NOTHING, plugin.name


def test_a_page_says_what_rankers_and_defenses_can():
    assert "| [rm3](#rm3) | traditional | lists | no | no |" in page("ranker")
    assert "| [drmm](#drmm) | neural | pairs | yes | no |" in page("ranker")
    assert "| [knrm](#knrm) | neural | pairs | yes | yes |" in page("ranker")
    assert "| [certdr](#certdr) | yes | yes | no |" in page("defense")
    assert "| [none](#none) | no | yes | yes |" in page("defense")
