"""Canonical texts: each word is written as the representative of its component, so no substitution changes a text.

Source: Jones, Jia, Raghunathan, Liang: Robust Encodings, ACL 2020, arXiv 2005.01229 (connected components).
"""

from __future__ import annotations

from collections.abc import Mapping

from robustrank.collections.collection import Collection
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import document_frequencies, replace_words, words


def representatives_of(table: SubstitutionTable, collection: Collection) -> dict[str, str]:
    """Return word to representative: the word of its component that most documents of the collection have."""
    counts = collection.statistic(document_frequencies)
    representatives = {}
    for component in table.components:
        most_frequent = min(component, key=lambda key: (-counts[key], key))
        representatives.update(dict.fromkeys(component, most_frequent))
    return representatives


def canonical(text: str, representatives: Mapping[str, str]) -> str:
    """Return the text with every word replaced by its representative, in the case of that word."""
    replacements = {i: representatives[word.key] for i, word in enumerate(words(text)) if word.key in representatives}
    return replace_words(text, replacements)
