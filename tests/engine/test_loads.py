"""A model is loaded once a run, whoever asks for it, and let go when the run ends; so are statistics of documents."""

from __future__ import annotations

import gc
from collections import Counter

import pytest

from robustrank import experiment as experiments
from robustrank import language_model as language_models
from robustrank import loaded
from robustrank.collections.collection import Collection
from robustrank.engine.executors.workers import Workers
from robustrank.engine.run import run
from robustrank.rankers.transformer import ranker as transformers
from robustrank.text.words import document_frequencies, vocabulary
from tests.rankers.tiny_models import save
from tests.tiny_collection import write_experiment, write_tiny
from tests.tiny_language_model import tiny_language_model

EXPERIMENT = """
rankers: [{{name: cross-encoder, model: '{victim}', label: victim}}]
attacks:
  - {{name: pat, length: 2, beams: 2, candidates: 4, {models}, label: two}}
  - {{name: pat, length: 3, beams: 2, candidates: 4, {models}, label: three}}
  - {{name: semantic-collision, kind: natural, length: 2, {models}, label: natural}}
  - {{name: idem, sentences: 2, {models}, label: idem}}
tasks: [{{name: document-attack, queries: 1, targets: [last-1], encoder: 'bi-encoder:model={surrogate}'}}]
"""


class Silent:
    def __getattr__(self, name):
        return lambda *_: None


@pytest.fixture
def loads(monkeypatch):
    """Count the loads of models, by folder."""
    counts = Counter()
    load_network, load_model = transformers.load_network, language_models.load_model

    def counted_network(kind, folder, *arguments, **options):
        counts[folder.name] += 1
        return load_network(kind, folder, *arguments, **options)

    def counted_model(name, folder, **options):
        counts["language model"] += 1
        return load_model(name, folder, **options)

    monkeypatch.setattr(transformers, "load_network", counted_network)
    monkeypatch.setattr(language_models, "load_model", counted_model)
    loaded.release()
    gc.collect()
    return counts


def test_four_attack_cells_load_each_model_once(tmp_path, loads):
    victim = save(tmp_path / "victim", "bert", "AutoModelForSequenceClassification", num_labels=1)
    surrogate = save(tmp_path / "surrogate", "bert", "AutoModel")
    models = f"surrogate: 'bi-encoder:model={surrogate}', language_model: '{tiny_language_model()}'"
    text = EXPERIMENT.format(victim=victim, surrogate=surrogate, models=models)
    path = write_experiment(tmp_path / "e.yaml", write_tiny(tmp_path / "tiny"), text)
    options = {"cache": tmp_path / "cache", "observer": Silent(), "workers": Workers("local")}
    summary = run(experiments.load(path), tmp_path / "run", **options)
    assert (summary.done, summary.failed, summary.skipped) == (4, [], [])
    assert loads == {"victim": 1, "surrogate": 1, "language model": 1}
    gc.collect()
    assert not loaded._used


def test_a_statistic_of_documents_is_computed_once():
    computed = []

    def lengths(texts, unit):
        computed.append(unit)
        return [len(text) // unit for text in texts]

    documents = {"d": "some text", "e": "more"}
    collection = Collection("c", {"q": "a", "r": "b"}, documents, {"q": {}, "r": {}}, {"q": ("d",), "r": ("e",)})
    restricted = collection.only(["r"])
    assert collection.statistic(lengths, 2) == restricted.statistic(lengths, 2) == [4, 2]
    assert restricted.statistic(lengths, 1) == [9, 4]
    assert computed == [2, 1]
    with pytest.raises(TypeError):
        collection.statistic(document_frequencies)["new"] = 1
    assert collection.statistic(document_frequencies)["unknown"] == 0
    assert collection.statistic(vocabulary) == {"some", "text", "more"}
