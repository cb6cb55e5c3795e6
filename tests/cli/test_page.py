"""docs/attacks.md is what the attacks say of themselves."""

from __future__ import annotations

from pathlib import Path

from robustrank.cli.page import page
from robustrank.plugins import registry

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_the_attacks_is_up_to_date():
    hint = "run: robustrank list attacks --markdown > docs/attacks.md"
    assert (DOCS / "attacks.md").read_text(encoding="utf-8") == page("attack"), hint


def test_every_attack_names_its_source_and_parameters():
    text = page("attack")
    for name in registry("attack"):
        section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert "- Source: " in section, name
    assert "- `max_words` (`20`): words replaced at the most; the paper takes 20 for passages, 50 for documents" in text
