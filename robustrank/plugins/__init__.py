"""Plug-ins: registry, specifications, creation and identities; the only access to the catalogues."""

from robustrank.plugins.constraints import Count, InnerShare, Range, Share
from robustrank.plugins.identity import canonical_name, code_parts, digest_of, identity, training_parts
from robustrank.plugins.loading import availability, create, find
from robustrank.plugins.nested import (
    AttackSpec,
    LlmSpec,
    NamedFiles,
    NestedPlugin,
    NestedSettings,
    NestedTraining,
    RankerSpec,
    RetrieverSpec,
)
from robustrank.plugins.parameters import Parameter, checked_parameters, parameters
from robustrank.plugins.registry import KINDS, Kind, Plugin, registry
from robustrank.plugins.specification import Spec, parse

__all__ = [
    "KINDS",
    "AttackSpec",
    "Count",
    "InnerShare",
    "Kind",
    "LlmSpec",
    "NamedFiles",
    "NestedPlugin",
    "NestedSettings",
    "NestedTraining",
    "Parameter",
    "Plugin",
    "Range",
    "RankerSpec",
    "RetrieverSpec",
    "Share",
    "Spec",
    "availability",
    "canonical_name",
    "checked_parameters",
    "code_parts",
    "create",
    "digest_of",
    "find",
    "identity",
    "parameters",
    "parse",
    "registry",
    "training_parts",
]
