"""The notebook of the docs runs, and shows what it says."""

from __future__ import annotations

import pytest

pytest.importorskip("nbclient")
pytest.importorskip("gensim")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the kernel's client, not ours
def test_the_notebook_shows_what_it_says(tmp_path, monkeypatch):
    import nbformat

    from tests.docs_notebook import NOTEBOOK, executed, printed

    monkeypatch.setenv("ROBUSTRANK_CACHE", str(tmp_path / "cache"))
    stored = nbformat.read(NOTEBOOK, as_version=4)
    shown = printed(executed(NOTEBOOK, tmp_path))
    assert len(shown) > 6
    assert shown == printed(stored), "run: python -m tests.docs_notebook"
