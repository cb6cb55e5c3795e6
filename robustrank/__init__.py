"""robustrank: measures, attacks, defends and certifies the robustness of ranking models.

The names of ``__all__`` are imported at their first use, so that ``import robustrank`` alone loads no library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from robustrank.rankers.runtime import make_products_repeatable

if TYPE_CHECKING:
    from robustrank import plugins
    from robustrank.api.evaluation import evaluate, run
    from robustrank.api.results import Results, ResultTable, load_results
    from robustrank.collections.collection import Collection
    from robustrank.experiment import Experiment
    from robustrank.records import (
        Candidate,
        Cost,
        Document,
        Edit,
        ParseReport,
        Perturbation,
        RankedList,
        Ranking,
        Request,
    )

    __version__: str

make_products_repeatable()  # before the first product of matrices

__all__ = [
    "Candidate",
    "Collection",
    "Cost",
    "Document",
    "Edit",
    "Experiment",
    "ParseReport",
    "Perturbation",
    "RankedList",
    "Ranking",
    "Request",
    "ResultTable",
    "Results",
    "__version__",
    "evaluate",
    "load_results",
    "plugins",
    "run",
]

_MODULES = {
    "evaluate": "api.evaluation",
    "run": "api.evaluation",
    "Results": "api.results",
    "ResultTable": "api.results",
    "load_results": "api.results",
    "Collection": "collections.collection",
    "Experiment": "experiment",
}  # of what is exported; the others are records


if not TYPE_CHECKING:  # or every misspelt name would pass for an exported one

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "__version__":
            from importlib.metadata import version

            value: Any = version(__name__)
        elif name == "plugins":
            value = import_module(f"{__name__}.{name}")
        else:
            value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'records')}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
