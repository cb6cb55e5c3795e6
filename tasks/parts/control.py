"""The random-edit baseline of a cell's attack."""

from __future__ import annotations

from robustrank.attack import Attack
from robustrank.engine.context import Context
from robustrank.plugins import create, find, parameters
from robustrank.plugins.specification import Spec
from robustrank.prepared_attack import PreparedAttack, prepare
from robustrank.text.languages import unsupported
from robustrank.victim import Access, QueryInterface


def prepared_control(context: Context) -> PreparedAttack | None:
    """Return the attack's control, prepared, with the parameters the two share, as the substitution table.

    None where the attack has none, or one that does not work on the collection's language.
    """
    attack = context.attack
    if not attack.control:
        return None
    shared = {
        parameter.name: getattr(attack, parameter.name)
        for parameter in parameters(find("attack", attack.control))
        if hasattr(attack, parameter.name)
    }
    control: Attack = create("attack", Spec(attack.control, shared))
    if unsupported("", control.languages, context.collection.language):
        return None
    interface = QueryInterface(context.served, Access.NOTHING)
    return prepare(control, interface, context.collection, context.rng("prepare control"))
