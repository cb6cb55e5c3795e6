"""An attack on one target as the harness sees it: what was tried, what it cost, and how the text looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from robustrank.attack import Perturbation
from robustrank.language_model import language_model
from robustrank.rankers.bi_encoder import text_encoder
from robustrank.rows import Status
from robustrank.text.quality import Spamicity, cosine
from robustrank.victim import Target


@dataclass
class AttackResult:
    """An attack on one target, before and after the harness has judged it."""

    target: Target
    perturbation: Perturbation
    status: Status
    note: str
    costs: dict[str, float] = field(default_factory=dict)
    control: Perturbation | None = None
    metrics: dict[str, float] = field(default_factory=dict)


def stealth_metrics(
    results: Sequence[AttackResult], documents: Iterable[str], encoder: str | None, causal: str | None
) -> None:
    """Write down how attacked texts and their controls look, beside the documents as they were.

    Args:
        results: Their facts are added to: spamicity, and similarity and perplexity where there is a model for it.
        documents: The collection, for the frequencies of terms.
        encoder: A bi-encoder's specification, for the similarity.
        causal: A causal language model's name, for the perplexity.
    """
    spamicity = Spamicity.of(documents)
    looks: dict[str, Callable[[Target, str], float]] = {
        "spamicity": lambda target, text: spamicity.score(target.query, text)
    }
    if causal is not None:
        model = language_model(causal)
        looks["perplexity"] = lambda target, text: model.perplexity(text)
    written = [
        (result, prefix, found.text)
        for result in results
        for prefix, found in (("", result.perturbation), ("control/", result.control))
        if found is not None
    ]
    for name, measure in looks.items():
        for result in results:
            result.metrics[f"{name}/before"] = measure(result.target, result.target.document)
        for result, prefix, text in written:
            result.metrics[prefix + name] = measure(result.target, text)
    if encoder is not None:
        texts = [result.target.document for result in results] + [text for _, _, text in written]
        vectors = text_encoder(encoder).embed(list(dict.fromkeys(texts)))  # in one call: batches of many
        for result, prefix, text in written:
            result.metrics[f"{prefix}similarity"] = cosine(vectors[result.target.document], vectors[text])
