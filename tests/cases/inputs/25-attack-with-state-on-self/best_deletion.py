"""An attack that keeps its search state on itself while it asks the victim."""

from dataclasses import dataclass, field

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.text.words import words
from robustrank.victim import Access


@dataclass
class BestDeletion(Attack):
    """Deletes the word whose loss raises the score most."""

    tries: int = 5  # words tried, from the end
    access = Access.SCORES
    size_parameter = "tries"
    _best_score: float = field(default=float("-inf"), init=False, repr=False)
    _best_edits: tuple = field(default=(), init=False, repr=False)

    def perturb(self, target, victim, rng):
        self._best_score, self._best_edits = float("-inf"), ()
        for word in words(target.document)[-self.tries :]:
            edits = (Edit(word.start, word.end, ""),)
            score = float(victim.scores([apply_edits(target.document, edits)])[0])
            if score > self._best_score:
                self._best_score, self._best_edits = score, edits
        return Perturbation(apply_edits(target.document, self._best_edits), self._best_edits)
