"""The first stage of a ranker, as an experiment names it: ``{name: minilm, first_stage: bm25, depth: 100}``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from robustrank.plugins import Spec, checked_parameters, code_parts, digest_of, find, identity, parse
from robustrank.plugins.values import excerpt
from robustrank.printing import counted

DEPTH = 100  # documents that are reranked where an experiment does not say
_RETRIEVAL = "robustrank.retrieval.pipeline"  # the code that makes lists of what a retriever returns


@dataclass(frozen=True)
class FirstStage:
    """What a ranker is put behind.

    Attributes:
        retriever: Its specification.
        depth: Documents of each query that it hands on.
    """

    retriever: Spec
    depth: int = DEPTH

    @property
    def searches(self) -> bool:
        """Whether it searches for any query; one that does not keeps its lists though a query is changed."""
        searches: bool = find("retriever", self.retriever.name).searches
        return searches

    @property
    def identity(self) -> str:
        """What decides its lists, beside collection and query."""
        return digest_of([identity("retriever", self.retriever), self.depth, code_parts(_RETRIEVAL)])

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of a pipeline, beside those of its ranker."""
        return {"first_stage": self.retriever.text, "depth": self.depth}

    @property
    def sentence(self) -> str:
        """What a run's header says of it."""
        again = "searches again for each changed query" if self.searches else "does not search: its lists stay fixed"
        return f"First stage {self.retriever.text}, {counted(self.depth, 'document')} a query; it {again}."

    def check(self) -> None:
        """Refuse a retriever that cannot be created.

        Raises:
            UsageError: It is not known, or a parameter is not allowed.
        """
        checked_parameters(find("retriever", self.retriever.name), self.retriever, "retriever")


def split_pipeline(spec: Spec) -> tuple[Spec, FirstStage | None]:
    """Return the ranker of a specification and its first stage: the parameters ``first_stage`` and ``depth``.

    Without ``first_stage`` both are the ranker's parameters; null is no first stage, for sweeps. The label stays: it
    tells pipelines of one ranker apart.

    Raises:
        ValueError: One of them is of another type, or ``depth`` is less than 1, or beside no first stage.
    """
    if "first_stage" not in spec.parameters:
        return spec, None
    rest = {key: value for key, value in spec.parameters.items() if key not in ("first_stage", "depth")}
    named, depth = spec.parameters["first_stage"], spec.parameters.get("depth", DEPTH)
    if named is None and "depth" in spec.parameters:
        raise ValueError("depth: it is that of a first stage, and first_stage is null")
    if named is None:
        return Spec(spec.name, rest, spec.label), None
    if not isinstance(named, str):
        raise ValueError(f"first_stage: it must be a retriever, name or name:key=value,…, not {excerpt(named)}")
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"depth: it must be a whole number of 1 or more, not {excerpt(depth)}")
    return Spec(spec.name, rest, spec.label), FirstStage(parse(named), depth)
