"""Each seed has its own cells, weights and defended ranker; what draws nothing is shared by all seeds."""

from __future__ import annotations

import pytest

from robustrank.engine.cell import plan
from robustrank.engine.resources import Resources
from robustrank.experiment import load
from tests.tiny_collection import write_experiment, write_tiny

pytest.importorskip("sklearn")

EXPERIMENT = """
seeds: [0, 1]
rankers: [bm25, {name: rank-svm, label: rank-svm, train: {folds: 3}}]
defenses: [none, {name: certdr, label: certdr, samples: 2, table: TABLE}]
attacks: [keyword-stuffing]
tasks: [{name: document-attack, targets: [last-1]}]
"""


@pytest.fixture
def resources(tmp_path) -> Resources:
    (tmp_path / "table.tsv").write_text("# {}\nrye\twheat\nwheat\trye\n")
    text = EXPERIMENT.replace("TABLE", str(tmp_path / "table.tsv"))
    return Resources(load(write_experiment(tmp_path / "e.yaml", write_tiny(tmp_path / "tiny"), text)), tmp_path)


def by_seed(resources, what):
    """What each cell of a seed has, in the order of the plan, for both seeds."""
    cells = plan(resources.experiment, resources)
    return [[what(cell) for cell in cells if cell.seed == seed] for seed in (0, 1)]


def test_no_two_seeds_share_a_cell(resources):
    first, second = by_seed(resources, lambda cell: cell.key)
    assert len({*first, *second}) == len(first) + len(second) == 2 * (2 + 2 * 3)


def test_only_what_draws_nothing_is_served_for_all_seeds(resources):
    def served(cell):
        split = resources.training_split(cell.ranker, cell.collection, cell.fold, cell.seed)
        return resources.served(cell.ranker, cell.collection, cell.defense, split, cell.seed)

    served_by_seed = by_seed(resources, lambda cell: (cell.ranker.name, cell.defense.name, served(cell)))
    for (ranker, defense, first), (_, _, second) in zip(*served_by_seed, strict=True):
        is_shared = (ranker, defense) == ("bm25", "none")
        assert (first is second) == is_shared
        assert (first.identity == second.identity) == is_shared


def test_a_ranker_trained_on_the_same_queries_has_other_weights_with_another_seed(resources):
    (collection,), (_, ranker) = (resources.experiment.specs(axis) for axis in ("collections", "rankers"))
    split = resources.training_split(ranker, collection, 0, 0)
    assert resources.ranker_identity(ranker, split, 0) != resources.ranker_identity(ranker, split, 1)
