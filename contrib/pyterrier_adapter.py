"""A PyTerrier transformer as an external ranker: python contrib/pyterrier_adapter.py module:transformer."""

import importlib
import sys

import pandas as pd
from protocol import serve

module, _, name = sys.argv[1].partition(":")
transformer = getattr(importlib.import_module(module), name)


def rank(query, docs, seed):
    rows = [
        {
            "qid": "q",
            "query": query,
            "docno": doc["id"],
            "text": doc["text"],
            "score": doc["score"] or 0.0,
            "rank": place,
        }
        for place, doc in enumerate(docs)
    ]
    ranked = transformer.transform(pd.DataFrame(rows)).sort_values("score", ascending=False, kind="stable")
    scores = dict(zip(ranked["docno"].astype(str), ranked["score"].astype(float)))
    return {"order": list(scores), "scores": [scores[doc["id"]] for doc in docs]}


serve(rank)
