"""Substitution tables from WordNet: words that share a sense.

Source: Fellbaum: WordNet: An Electronic Lexical Database, MIT Press 1998; as substitutes, Ren et al. (PWWS), ACL 2019.
"""

from __future__ import annotations

from collections.abc import Iterable

from robustrank.errors import DataError
from robustrank.text.antonyms import are_antonyms
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import SubstitutionTable, symmetric


def wordnet_table(words: Iterable[str], senses: int) -> SubstitutionTable:
    """Return the table in which a word's substitutes are the further single words of its first ``senses`` synsets.

    Raises:
        DataError: NLTK or its WordNet corpus is not installed.
    """
    try:
        from nltk.corpus import wordnet

        wordnet.ensure_loaded()
    except (ImportError, LookupError) as error:
        raise DataError(
            "WordNet is not installed",
            hint='pip install "robustrank[wordnet]", then python -m nltk.downloader wordnet',
        ) from error
    relation = {}
    for word in sorted(set(words) - STOP_WORDS):
        names = [name.lower() for synset in wordnet.synsets(word)[:senses] for name in synset.lemma_names()]
        relation[word] = [
            name
            for name in dict.fromkeys(names)
            if name.isalpha() and name != word and name not in STOP_WORDS and not are_antonyms(word, name)
        ]
    header = {"source": "WordNet, stop words and antonyms left out", "senses": senses}
    return symmetric(relation, header)
