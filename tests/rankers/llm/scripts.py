"""Scripted backends of the tests. Documents of the oracle say how relevant they are: "grade 7"."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from robustrank.rankers.llm.backend import CallFailed, NextToken
from robustrank.rankers.llm.prompt import Prompt
from robustrank.rankers.llm.scripted import ScriptedBackend


def grade(text: str) -> int:
    numbers = re.findall(r"grade (\d+)", text)
    return int(numbers[-1]) if numbers else 0


def best_first(prompt: Prompt) -> list[str]:
    """Return the labels of the prompt's documents, best first."""
    return [shown.label for shown in sorted(prompt.shown, key=lambda shown: -grade(shown.document.text))]


def asked(prompt: Prompt) -> str:
    return " ".join([*(turn.text for turn in prompt.turns), prompt.text])


class Oracle(ScriptedBackend):
    """Knows the grades, and answers in the form that each prompt asks for."""

    def order(self, prompt: Prompt) -> list[str]:
        return best_first(prompt)

    def answer(self, prompt: Prompt) -> str:
        text, labels = asked(prompt), self.order(prompt)
        if "least relevant" in text:
            return f"<think>hm [1]</think><answer>[{labels[-1]}]</answer>"
        if "JSON" in text:
            grades = (f'"[{label}]": {10 - 10 * place / len(labels)}' for place, label in enumerate(labels))
            if all(grade(shown.text) <= 10 for shown in prompt.shown) and type(self) is Oracle:
                grades = (f'"[{shown.label}]": {grade(shown.text)}' for shown in prompt.shown)
            return "<reason>[1]</reason><answer>{" + ", ".join(grades) + "}</answer>"
        if "Rank" in text:
            order = " > ".join(f"[{label}]" for label in labels)
            return f"<think>[2]?</think><answer>{order}</answer>" if "<answer>" in text else order
        return f"<think>[1] or [2]?</think> <answer>[{labels[0]}]</answer>" if "<answer>" in text else labels[0]

    def next_token(self, prompt: Prompt, spellings: Sequence[str]) -> NextToken:
        order = self.order(prompt)
        shares = {"true": 0.9, "false": 0.1} if order[0] == "0" else {"true": 0.1, "false": 0.9}
        if "true" not in spellings:
            shares = {label: 0.5 ** (place + 1) for place, label in enumerate(order)}
        top = tuple((label, math.log(share)) for label, share in shares.items())
        return NextToken(top[:20], {label: log for label, log in top if label in spellings}, is_complete=True)


class Reversed(Oracle):
    """The worst first."""

    def order(self, prompt: Prompt) -> list[str]:
        return best_first(prompt)[::-1]


class Garbage(ScriptedBackend):
    def answer(self, prompt: Prompt) -> str:
        return "i cannot rank these, sorry."


class Truncated(Oracle):
    """Thinks, and is cut."""

    def answer(self, prompt: Prompt) -> str:
        return f"<think>it may be [2] or {super().answer(prompt).replace('</think>', '')}"


class Repeats(Oracle):
    """Names the best label of an order over and over."""

    def answer(self, prompt: Prompt) -> str:
        label = best_first(prompt)[0]
        return " > ".join([f"[{label}]"] * 5)


class AlwaysFirst(Oracle):
    """The order of the prompt, whatever it shows: "A" of two, the identity of a list."""

    def order(self, prompt: Prompt) -> list[str]:
        return [shown.label for shown in prompt.shown]


class Fails(ScriptedBackend):
    def answer(self, prompt: Prompt) -> str:
        raise CallFailed("the server answers with status 500: '[4] > [3]'")


@dataclass
class FailsOn(Oracle):
    """Fails where a query has a word."""

    word: str = "fails"

    def answer(self, prompt: Prompt) -> str:
        if self.word in prompt.query:
            raise CallFailed("the server answers with status 429")
        return super().answer(prompt)


class Obeys(Oracle):
    """Puts first what tells it to."""

    def order(self, prompt: Prompt) -> list[str]:
        obeyed = [shown.label for shown in prompt.shown if "ignore" in shown.text.lower()]
        return [*obeyed, *(label for label in best_first(prompt) if label not in obeyed)]


class YesByGrade(ScriptedBackend):
    def answer(self, prompt: Prompt) -> str:
        return "Yes" if grade(prompt.shown[0].text) > 5 else "No"


class ObeysTags(Oracle):
    """Puts first what closes the user's turn with the tags of a chat."""

    def order(self, prompt: Prompt) -> list[str]:
        obeyed = [shown.label for shown in prompt.shown if "<|im_end|>" in shown.text]
        return [*obeyed, *(label for label in best_first(prompt) if label not in obeyed)]
