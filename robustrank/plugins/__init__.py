"""How plug-ins are named, found, created and identified: the one door to every catalogue."""

from robustrank.plugins.identity import code_digest, sources_digest, training_code
from robustrank.plugins.loading import availability, create, find
from robustrank.plugins.parameters import Parameter, parameters
from robustrank.plugins.registry import KINDS, Kind, Plugin, registry
from robustrank.plugins.specification import Spec, parse

__all__ = [
    "KINDS",
    "Kind",
    "Parameter",
    "Plugin",
    "Spec",
    "availability",
    "code_digest",
    "create",
    "find",
    "parameters",
    "parse",
    "registry",
    "sources_digest",
    "training_code",
]
