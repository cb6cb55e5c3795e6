"""Rankify as an external ranker: python contrib/rankify_adapter.py listt5 listt5-base."""

import sys

from protocol import serve
from rankify.dataset.dataset import Answer, Context, Document, Question
from rankify.models.reranking import Reranking

model = Reranking(method=sys.argv[1], model_name=sys.argv[2])


def rank(query, docs, seed):
    contexts = [Context(text=doc["text"], id=doc["id"], score=doc["score"]) for doc in docs]
    document = Document(question=Question(query), answers=Answer([]), contexts=contexts)
    (ranked,) = model.rank([document])
    order = [str(context.id) for context in ranked.reorder_contexts]
    return order + [doc["id"] for doc in docs if doc["id"] not in set(order)]  # methods that return the top alone


serve(rank)
