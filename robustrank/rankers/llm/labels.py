"""Labels read from the distribution of the next token: yes and no, grades, identifiers of passages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robustrank.errors import DataError
from robustrank.rankers.llm.backend import NextToken

Spellings = Mapping[str, Sequence[str]]  # label -> the texts that mean it


@dataclass(frozen=True)
class LabelReading:
    """What the next token says of labels.

    Attributes:
        logs: Label to the log of the summed probability of its spellings. Of a label that was not returned, an upper
            bound: the smallest log-probability that was.
        mass: The summed probability of all labels that were returned.
        unseen: The number of labels that were not.
    """

    logs: Mapping[str, float]
    mass: float
    unseen: int

    @property
    def probabilities(self) -> dict[str, float]:
        """Label to its probability among the labels."""
        highest = max(self.logs.values())
        shares = {label: float(np.exp(log - highest)) for label, log in self.logs.items()}
        total = sum(shares.values())
        return {label: share / total for label, share in shares.items()}

    @property
    def best(self) -> str:
        """The most probable label; of equals the first."""
        return max(self.logs, key=self.logs.__getitem__)


def word_spellings(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the spellings of words: lower case, capitalised and upper case, with and without a space before."""
    return {label: _spaced([label.lower(), label.capitalize(), label.upper()]) for label in labels}


def exact_spellings(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the spellings of digits and letters: as they are, with and without a space before."""
    return {label: _spaced([label]) for label in labels}


def read_labels(token: NextToken, labels: Spellings) -> LabelReading:
    """Return the log-probabilities of labels.

    Raises:
        DataError: None of them is among the most probable tokens, as where the model thinks first or does not know
            the prompt; or a label is no single token.
    """
    given = {**dict(reversed(token.top)), **token.spelled}
    logs = {label: [given[text] for text in spellings if text in given] for label, spellings in labels.items()}
    summed = {label: float(np.logaddexp.reduce(values)) for label, values in logs.items() if values}
    missing = [label for label in labels if label not in summed]
    if missing and token.is_complete:
        raise DataError(
            f"the labels {', '.join(map(repr, missing[:5]))} are no single tokens of this model",
            hint="use a kind that generates its answer",
        )
    least = min(log for _, log in token.top)
    if not any(log >= least for values in logs.values() for log in values):
        shown = ", ".join(f"{text!r} {np.exp(log):.2g}" for text, log in token.top[:5])
        raise DataError(
            f"none of the labels {', '.join(map(repr, list(labels)[:5]))} is among the {len(token.top)} most probable "
            f"tokens; the first are {shown}",
            hint="a model that thinks first needs thinking switched off, and a chat model its chat template",
        )
    mass = float(sum(np.exp(log) for log in summed.values()))
    return LabelReading({label: summed.get(label, least) for label in labels}, mass, len(missing))


def _spaced(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form for text in texts for form in (text, f" {text}")))
