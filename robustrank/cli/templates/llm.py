"""Mine: says in two sentences which model answers. It says yes to a passage with a word of the query."""

from __future__ import annotations

from dataclasses import dataclass

from robustrank.plugins import Count
from robustrank.rankers.llm.prompt import Prompt
from robustrank.rankers.llm.scripted import ScriptedBackend


@dataclass
class Mine(ScriptedBackend):
    """Answers yes for a passage that shares enough words with the query."""

    minimum: Count = 1  # shared words of a passage that is relevant

    def answer(self, prompt: Prompt) -> str:
        """Return the text that continues the prompt; what depends on anything else than the prompt is refused."""
        wanted = set(prompt.query.lower().split())
        shared = [len(wanted & set(shown.text.lower().split())) for shown in prompt.shown]
        return "Yes" if max(shared, default=0) >= self.minimum else "No"
