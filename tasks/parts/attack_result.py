"""An attack on one target as the harness sees it: what was tried, what it cost, and how the text looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from robustrank.attack import Perturbation
from robustrank.collections.collection import Collection
from robustrank.language_model import language_model
from robustrank.rankers.text_encoder import text_encoder
from robustrank.records import Ranking
from robustrank.rows import Condition, Fact, Status
from robustrank.text.quality import Spamicity, cosine
from robustrank.victim import Target


@dataclass
class AttackResult:
    """An attack on one target, before and after the harness has judged it."""

    target: Target
    perturbation: Perturbation
    status: Status
    note: str
    costs: dict[Fact, float] = field(default_factory=dict)
    control: Perturbation | None = None
    neutral: list[Perturbation] = field(default_factory=list)  # random edits of the same size, for the noise floor
    metrics: dict[Fact, float] = field(default_factory=dict)
    ranking: Ranking | None = None  # of the list with the attacked text in it
    control_ranking: Ranking | None = None  # of the list with the control's

    @property
    def lists(self) -> Iterator[tuple[Condition, Perturbation, Ranking]]:
        """Each condition whose list is ranked, with its text and ranking."""
        if self.ranking is not None:
            yield "attacked", self.perturbation, self.ranking
        if self.control is not None and self.control_ranking is not None:
            yield "control", self.control, self.control_ranking


def stealth_metrics(
    results: Sequence[AttackResult], collection: Collection, encoder: str | None, causal: str | None
) -> None:
    """Write down how attacked texts and their controls look, beside the documents as they were.

    Args:
        results: Their facts are added to: spamicity, and similarity and perplexity where there is a model for it.
        collection: For the frequencies of terms.
        encoder: A bi-encoder's specification, for the similarity.
        causal: A causal language model's name, for the perplexity.
    """
    spamicity = collection.statistic(Spamicity.of, collection.language)
    looks: dict[str, Callable[[Target, str], float]] = {
        "spamicity": lambda target, text: spamicity.score(target.query, text)
    }
    if causal is not None:
        model = language_model(causal)
        looks["perplexity"] = lambda target, text: model.perplexity(text)
    written = [
        (result, condition, perturbation.text) for result in results for condition, perturbation, _ in result.lists
    ]
    for name, measure in looks.items():
        for result in results:
            result.metrics[Fact(name, "clean")] = measure(result.target, result.target.document)
        for result, condition, text in written:
            result.metrics[Fact(name, condition)] = measure(result.target, text)
    if encoder is not None:
        texts = [result.target.document for result in results] + [text for _, _, text in written]
        vectors = text_encoder(encoder).embed(list(dict.fromkeys(texts)))  # in one call: batches of many
        for result, condition, text in written:
            result.metrics[Fact("similarity", condition)] = cosine(vectors[result.target.document], vectors[text])
