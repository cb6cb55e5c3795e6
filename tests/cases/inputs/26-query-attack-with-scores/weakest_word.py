"""An attack on queries that looks at scores: it deletes the word whose loss lowers the best score most."""

from dataclasses import dataclass

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.text.words import words
from robustrank.victim import Access


@dataclass
class WeakestWord(Attack):
    """Deletes a word of the query."""

    access = Access.SCORES
    edits = "query"

    def perturb(self, target, victim, rng):
        deletions = [(Edit(word.start, word.end, ""),) for word in words(target.query)]
        texts = [apply_edits(target.query, edits) for edits in deletions]
        worst = int(victim.scores(texts).max(axis=1).argmin())
        return Perturbation(texts[worst], deletions[worst])
