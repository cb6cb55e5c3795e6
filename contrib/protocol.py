"""The protocol of external rankers: JSON lines on standard input and output. It needs Python 3.8 and nothing else.

A line that comes in: {"id", "query", "docs": [{"id", "text", "score"}], "seed"}; what goes out: {"id", "order": [ids,
best first], "scores": [of the docs as they came] or null, "calls": number}, or {"id", "failed": reason}. What libraries
print is sent to standard error, so that it cannot be taken for an answer.
"""

import json
import sys
import traceback


def serve(rank):
    """Answer each line until the input ends.

    Args:
        rank: Takes the query, the documents (dictionaries with id, text and score) and a seed; returns the ids of the
            documents, best first, or a dictionary with ``order`` and further keys of the answer.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = rank(question["query"], question["docs"], question["seed"])
            answer = answer if isinstance(answer, dict) else {"order": list(answer)}
        except Exception as error:
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps({"id": question["id"], **answer}) + "\n")
        answers.flush()
