"""rank_llm as an external ranker: python contrib/rank_llm_adapter.py ZephyrReranker castorini/rank_zephyr_7b_v1_full."""

import sys

import rank_llm.rerank.listwise as listwise
from protocol import serve
from rank_llm.data import Candidate, Query, Request

reranker = getattr(listwise, sys.argv[1])(sys.argv[2])


def rank(query, docs, seed):
    candidates = [Candidate(doc["id"], doc["score"] or 0.0, {"contents": doc["text"]}) for doc in docs]
    results = reranker.rerank_batch([Request(Query(query, "q"), candidates)], rank_end=len(docs))
    history = getattr(results[0], "invocations_history", None) or ()
    calls = len(history) if isinstance(history, list) else None
    order = [str(candidate.docid) for candidate in results[0].candidates]
    return {"order": order, "calls": calls} if calls else order


serve(rank)
