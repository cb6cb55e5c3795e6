"""Schemes that assign types to queries, for generalisation to query types unseen in training."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

from robustrank.errors import UsageError, nearest
from robustrank.text.languages import ENGLISH, SPACED

Scheme = Callable[[Sequence[str]], list[str]]  # the texts of queries -> the type of each

# The first question word of a query decides its form; "how many" and "how much" are a separate form.
_FORMS = (
    ("how many", re.compile(r"\bhow\s+(?:many|much)\b")),
    *((word, re.compile(rf"\b{word}\b")) for word in ("who", "where", "when", "why", "how", "which", "what")),
)
_SYNONYMS = {"whom": "who", "whose": "who"}
_AUXILIARIES = "am are can could did do does had has have is may might must shall should was were will would".split()
LENGTHS = (4, 8, 12)  # words; the upper ends of all bands but the last
TOPICS = 4  # clusters


def question_forms(texts: Sequence[str]) -> list[str]:
    """Return who, where, when, how many, how, why, which, what, yes or no, or keyword: the form of each query.

    By rule (ours): the first question word decides; a query that begins with an auxiliary verb is a yes-or-no question;
    a query without either is a keyword query or a statement.
    """
    return [_form(text) for text in texts]


def _form(text: str) -> str:
    lowered = re.sub(r"\b(whom|whose)\b", lambda match: _SYNONYMS[match[0]], text.casefold())
    matches = [(match.start(), index) for index, (_, form) in enumerate(_FORMS) if (match := form.search(lowered))]
    if matches:
        return _FORMS[min(matches)[1]][0]
    first = re.match(r"\W*(\w+)", lowered)
    return "yes or no" if first and first[1] in _AUXILIARIES else "keyword"


def length_bands(texts: Sequence[str]) -> list[str]:
    """Return the band of each query's length in words: 1-4, 5-8, 9-12, or 13 and more (bands ours)."""
    ends = (0, *LENGTHS)
    names = [f"{low + 1}-{high} words" for low, high in zip(ends, LENGTHS, strict=False)]
    names.append(f"{LENGTHS[-1] + 1} words or more")
    return [names[sum(len(text.split()) > end for end in LENGTHS)] for text in texts]


def topics(texts: Sequence[str], language: str = ENGLISH) -> list[str]:
    """Return a topic for each query, named by its three terms of highest weight: clusters of tf-idf vectors (ours).

    The vectors are reduced by a truncated singular value decomposition (latent semantic analysis) and clustered by
    k-means; the clusters are those of the sorted distinct texts, so that types do not depend on the order.
    """
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    from robustrank.text.analysis import analyser

    distinct = sorted(set(texts))
    vectorizer = TfidfVectorizer(analyzer=analyser(language).terms, sublinear_tf=True)
    vectors = vectorizer.fit_transform(distinct)
    size = min(50, min(vectors.shape) - 1)
    reduced = normalize(TruncatedSVD(size, random_state=0).fit_transform(vectors)) if size > 1 else vectors.toarray()
    labels = KMeans(min(TOPICS, len(distinct)), n_init=10, random_state=0).fit_predict(reduced)
    terms = vectorizer.get_feature_names_out()
    names = {}
    for label in sorted(set(labels.tolist())):
        weight = np.asarray(vectors[labels == label].mean(axis=0)).ravel()
        names[label] = " ".join(terms[index] for index in np.argsort(-weight, kind="stable")[:3])
    types = {text: names[label] for text, label in zip(distinct, labels.tolist(), strict=True)}
    return [types[text] for text in texts]


SCHEMES: dict[str, Scheme] = {"question-form": question_forms, "length": length_bands, "topics": topics}
SCHEME_LANGUAGES = {"question-form": (ENGLISH,), "length": SPACED}  # the languages of schemes that need some


def scheme_named(name: str, language: str = ENGLISH) -> Scheme:
    """Return a scheme by its name, or by an import path ``module:function``, for queries of a language.

    Raises:
        UsageError: Unknown name, or a path that cannot be imported.
    """
    if name == "topics":
        return partial(topics, language=language)
    if name in SCHEMES:
        return SCHEMES[name]
    module, _, function = name.partition(":")
    if function:
        import importlib

        try:
            scheme: Scheme = getattr(importlib.import_module(module), function)
        except (ImportError, AttributeError) as error:
            raise UsageError(f"the scheme {name!r} cannot be imported: {error}", allowed="module:function") from error
        return scheme
    raise UsageError(
        f"{name!r} is not a scheme of query types",
        allowed=f"collection, {', '.join(SCHEMES)}, or module:function",
        hint=nearest(name, ["collection", *SCHEMES]),
    )
