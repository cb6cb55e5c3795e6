"""What all rankers that prompt a language model share: parameters, prompts that fit, and the decoding of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.plugins.nested import LlmSpec
from robustrank.rankers.llm.backend import CallFailed, Decoding, Method
from robustrank.rankers.llm.calls import Caller
from robustrank.rankers.llm.labels import LabelReading, Spellings, read_labels
from robustrank.rankers.llm.prompt import Prompt, Shown
from robustrank.rankers.llm.templates import render, template_digest
from robustrank.rankers.llm.texts import Sanitise, first_words_end, prepared
from robustrank.rankers.ranker import Ranker
from robustrank.records import Candidate, Document

_SHRINK = 0.8  # of the words of each passage, where a prompt is longer than the model reads


@dataclass
class PromptingRanker(Ranker):
    """A ranker that prompts a language model.

    Attributes:
        built_in: The template that is used where none is given.
        calls: The calls behind the ranker: records, cache, cost.
    """

    llm: LlmSpec  # the language model: transformers:model=…, openai:url=…, replay:file=…, or your script.py
    template: str | None = None  # Jinja2 file in place of the built-in prompt
    passage_words: Count = (
        300  # words of a document that are shown; fewer of all documents of a prompt that is too long
    )
    sanitise: Sanitise = "labels"  # what is taken out of documents and query: identifiers, or all structure of a prompt

    family: ClassVar[str] = "language-model"
    reference: ClassVar[str] = ""
    deviations: ClassVar[str] = ""

    _calls: Caller | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def built_in(self) -> str:
        """The name of the built-in template."""
        raise NotImplementedError

    @property
    def needs(self) -> Sequence[Method]:
        """The methods of the backend that the ranker calls."""
        return ("generate",)

    @property
    def fingerprint(self) -> str:
        """The text of the template."""
        return template_digest(self._template)

    @property
    def calls(self) -> Caller:
        """The backend, behind records and cache."""
        if self._calls is None:
            self._calls = Caller(self.llm)
        return self._calls

    def check(self) -> None:
        """Refuse a template that is missing, and a backend that cannot answer as the ranker asks."""
        template_digest(self._template)
        self.calls.check(f"ranker {type(self).__name__}", *self.needs)

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return what the backend says, and the share of documents that are shortened."""
        lengths = [len(text.split()) for text in collection.documents.values()]
        cut = sum(length > self.passage_words for length in lengths) / max(1, len(lengths))
        return (
            *self.calls.backend.about,
            f"Prompts show the first {self.passage_words} words of a document; {cut:.0%} of the documents are longer.",
        )

    @property
    def _template(self) -> str:
        return self.template or self.built_in

    @cached_property
    def _special_tokens(self) -> tuple[str, ...]:
        return self.calls.backend.special_tokens if self.sanitise == "full" else ()

    def _prompt(
        self, query: str, candidates: Sequence[Candidate], labels: Sequence[str], room: int, **more: Any
    ) -> Prompt:
        """Return the prompt of documents with their labels; shortened until it fits, see :meth:`_fitted`."""
        return self._fitted(query, candidates, labels, room, **more)[0]

    def _fitted(
        self, query: str, candidates: Sequence[Candidate], labels: Sequence[str], room: int, **more: Any
    ) -> tuple[Prompt, int]:
        """Return the prompt, and how many words of each document it shows.

        Args:
            query: The query.
            candidates: The documents.
            labels: Their identifiers.
            room: Tokens of the answer.
            more: Further names of the template.

        Raises:
            CallFailed: It does not fit with one word a document.
        """
        words, backend = self.passage_words, self.calls.backend
        while True:
            prompt = render(self._template, self._text(query, 10**9), self._shown(candidates, labels, words), **more)
            if backend.context is None or (tokens := backend.count_tokens(prompt)) is None:
                return prompt, words
            if tokens + room <= backend.context:
                return prompt, words
            if words == 1:
                raise CallFailed(
                    f"a prompt of {len(candidates)} documents has {tokens} tokens with one word each, and {room} more "
                    f"are for the answer; the model reads {backend.context}"
                )
            longest = max((len(candidate.text.split()) for candidate in candidates), default=1)
            words = max(1, int(min(words, longest) * _SHRINK))

    def _read_labels(self, prompt: Prompt, spellings: Spellings) -> LabelReading:
        """Return what the next token after a prompt says of labels."""
        texts = [text for of_label in spellings.values() for text in of_label]
        return read_labels(self.calls.next_token(prompt, texts), spellings)

    def _shown(self, candidates: Sequence[Candidate], labels: Sequence[str], words: int) -> tuple[Shown, ...]:
        return tuple(
            Shown(label, self._text(_titled(candidate.document), words), candidate.document, candidate.score)
            for label, candidate in zip(labels, candidates, strict=True)
        )

    def _text(self, text: str, words: int) -> str:
        return prepared(text, words, self.sanitise, self._special_tokens)

    def _characters(self, query: str, document: str, room: int, **more: Any) -> int:
        """Return how many characters of a document a prompt with it alone shows; arguments as of :meth:`_fitted`."""
        _, words = self._fitted(query, [Candidate(Document("", document))], [""], room, **more)
        return first_words_end(document, words)


def greedy(max_tokens: int, stop: tuple[str, ...] = ()) -> Decoding:
    """Return the decoding that repeats: temperature 0."""
    return Decoding(max_tokens, stop=stop)


def _titled(document: Document) -> str:
    return f"Title: {document.title} Content: {document.text}" if document.title else document.text
