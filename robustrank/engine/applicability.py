"""Whether a cell applies at all: known at planning, before any model is loaded, and the same for run and dry run."""

from __future__ import annotations

from typing import Any

from robustrank.engine.context import Context
from robustrank.plugins.failure import plugin_code
from robustrank.plugins.specification import Spec
from robustrank.text.languages import unsupported
from robustrank.victim import Access


def skip_reason(context: Context) -> str:
    """Return why a cell does not apply, as far as it is known without a model; nothing where it applies.

    A cell with a reason is skipped: its task does not run.
    """
    reason = _by_language(context) or _by_defense(context) or _by_attack(context)
    return reason or context.task.skip_reason(context)


def _by_language(context: Context) -> str:
    cell = context.cell
    plugins: list[tuple[str, Spec, Any]] = [("attack", cell.attack, context.attack)] if cell.attack else []
    plugins += [("defense", cell.defense, context.defense), ("task", cell.task, context.task)]
    for kind, spec, plugin in plugins:
        if reason := unsupported(f"{kind} {spec.name!r}", plugin.languages, context.whole.language):
            return reason
    return ""


def calls_at_most(context: Context) -> int | None:
    """Return the upper bound on the pairs that a cell scores; None where none is known, as before a pipeline searches.

    Raises:
        PluginError: The task cannot tell it.
    """
    if context.first_stage is not None:
        return None
    with plugin_code(f"task {context.cell.task.name!r}", "calls()"):
        calls: int | None = context.task.calls(context)
    return calls


def check_parts(context: Context) -> None:
    """Refuse a cell whose defense or attack cannot work here, as for a missing package.

    Raises:
        RobustrankError: It cannot.
    """
    context.resources.check("defense", context.cell.defense)
    if context.cell.attack is not None:
        context.resources.check("attack", context.cell.attack)


def _by_defense(context: Context) -> str:
    if context.defense.needs_pointwise and not context.is_pointwise_ranker:
        return "the defense averages scores of single documents, and this ranker ranks lists"
    with plugin_code(f"defense {context.cell.defense.name!r}", "refuses()"):
        reason = context.defense.refuses(context.plain_ranker)
    return f"the defense cannot defend this ranker: {reason}" if reason else ""


def _by_attack(context: Context) -> str:
    if context.cell.attack is None or context.attack.access < Access.GRADIENTS:
        return ""
    if not hasattr(type(context.plain_ranker), "gradients"):
        return "the attack needs gradients, and this ranker has none"
    return "" if context.defense.passes_gradients else "the attack needs gradients, and the defense passes none"
