"""An attack that is ready for targets: each gets its own copy of its state, a time limit, and a check of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from robustrank.attack import Attack, Control
from robustrank.collections.collection import Collection
from robustrank.errors import PluginError, UsageError
from robustrank.plugins.failure import plugin_code, shown, storable
from robustrank.records import Edit, Perturbation, apply_edits
from robustrank.target_state import TargetStates
from robustrank.text.languages import unsupported
from robustrank.time_limit import Gate, LimitedCall
from robustrank.victim import AccessDenied, BudgetExhausted, QueryInterface, Target, Victim


class BadPerturbation(PluginError):
    """An attack handed back something else than a text and the edits that make it: its target was not attacked."""


def prepare(
    attack: Attack, interface: QueryInterface, collection: Collection, rng: np.random.Generator
) -> PreparedAttack:
    """Prepare an attack.

    Raises:
        PluginError: It raised.
        UsageError: It does not work on the collection's language.
    """
    if reason := unsupported(f"attack {type(attack).__name__}", attack.languages, collection.language):
        raise UsageError(reason)
    with plugin_code(f"attack {type(attack).__name__}", "prepare()"):
        attack.prepare(interface, collection, rng)
    return PreparedAttack(attack)


class PreparedAttack:
    """A prepared attack. What it holds on ``self`` is copied for each target.

    Args:
        attack: The attack, after its ``prepare``; it is not changed any more.
    """

    def __init__(self, attack: Attack) -> None:
        self.attack = attack
        self._name = f"attack {type(attack).__name__}"
        self._states = TargetStates(attack)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the perturbation of a target, checked; it is exhausted where the time limit ended it.

        Raises:
            BadPerturbation: What was handed back is not a text and the edits that make it.
            BudgetExhausted: A budget, or the time limit, is spent, and the attack has no text.
            AccessDenied: It needs more than is granted.
            PluginError: It raised.
        """
        attack, seconds = self._states.copy(), victim.meter.budget.seconds

        def perturb() -> object:
            return attack.perturb(target, victim, rng)

        if seconds is None:
            answer = self._call(perturb)
        else:
            victim.gate = gate = Gate()
            call = LimitedCall(perturb, seconds, gate)
            answer = self._call(call.run)
            if call.is_over and isinstance(answer, Perturbation):
                answer = replace(answer, exhausted=True)
        return self._checked(answer, target)

    def match_size(self, target: Target, perturbation: Perturbation, rng: np.random.Generator) -> Perturbation:
        """Return a control's random perturbation of the size of ``perturbation``, checked.

        Raises:
            PluginError: It is no control, raised, or handed back something else.
        """
        control = self._states.copy()
        if not isinstance(control, Control):
            raise PluginError(f"{self._name} is named as a control, and is not a subclass of Control")
        return self._checked(self._call(lambda: control.match_size(target, perturbation, rng)), target)

    def _call(self, function: Callable[[], object]) -> object:
        refusal: BudgetExhausted | AccessDenied | None = None
        answer: object = None
        with plugin_code(self._name, "perturb()"):
            try:
                answer = function()
            except (BudgetExhausted, AccessDenied) as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return answer

    def _checked(self, answer: object, target: Target) -> Perturbation:
        original = target.query if self.attack.edits == "query" else target.document
        try:
            return checked_perturbation(answer, original)
        except ValueError as error:
            where = f"query {target.query_id!r}" + (f", document {target.doc_id!r}" if target.doc_id else "")
            raise BadPerturbation(f"{self._name} handed back {error}", where=where) from error


def checked_perturbation(answer: object, original: str) -> Perturbation:
    """Return an attack's answer, of the framework's own types.

    Args:
        answer: What it handed back.
        original: The text that its edits are edits of.

    Raises:
        ValueError: It is not a Perturbation of a text and edits of the original that make this text.
    """
    if not isinstance(answer, Perturbation):
        raise ValueError(f"{shown(answer)}, not a Perturbation")
    if not isinstance(answer.text, str):
        raise ValueError(f"a text that is not a string: {shown(answer.text)}")
    text = str.__getitem__(answer.text, slice(None))  # of a subclass of str, too
    if not _is_unicode(text) and _is_unicode(original):
        raise ValueError(f"a text with half of a surrogate pair: {shown(text)}")
    if not isinstance(answer.edits, tuple | list):
        raise ValueError(f"edits that are no tuple: {shown(answer.edits)}")
    edits = tuple(_checked_edit(edit) for edit in answer.edits)
    try:
        edited = apply_edits(original, edits)
    except ValueError as error:
        raise ValueError(f"edits that cannot be made: {error}") from error
    if edited != text:
        raise ValueError(f"edits that do not make its text: they make {shown(edited)}, and the text is {shown(text)}")
    return Perturbation(text, edits, storable(str(answer.note)), bool(answer.exhausted))


def _checked_edit(edit: object) -> Edit:
    if not isinstance(edit, Edit) or not isinstance(edit.text, str):
        raise ValueError(f"an edit that is no Edit of text: {shown(edit)}")
    for position in (edit.start, edit.end):
        if isinstance(position, bool) or not isinstance(position, int | np.integer):
            raise ValueError(f"an edit whose positions are no whole numbers: {shown(edit)}")
    return Edit(int(edit.start), int(edit.end), str.__getitem__(edit.text, slice(None)))


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
