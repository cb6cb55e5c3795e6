"""YAML as experiment files and specifications use it: scalars, lists and mappings, of bounded size.

Beside what YAML itself forbids, this refuses repeated keys (PyYAML takes the last), aliases that multiply a short text
to a huge value, deep nesting, and tags. A date is a text.
"""

from __future__ import annotations

from typing import Any

import yaml

MOST_BYTES = 1_000_000  # of a text
MOST_VALUES = 20_000  # in it, each counted as often as aliases repeat it
DEEPEST = 30  # lists and mappings in one another

_TAGS = ("null", "bool", "int", "float", "str", "seq", "map")
_DATE = "tag:yaml.org,2002:timestamp"


class YamlError(ValueError):
    """The text is not such YAML; the message says where and why."""


def read_yaml(text: str) -> Any:
    """Return the value that a text holds; None for an empty one.

    Raises:
        YamlError: It is not YAML, or not of this kind.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise YamlError(f"it has {size:,} bytes, and {MOST_BYTES:,} are allowed")
    try:
        loader = _Loader(text)
        loader.name = "the text"  # in messages
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if (values := _measure(node, {})[0]) > MOST_VALUES:
                raise _too_many(values)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise YamlError(f"more than {DEEPEST} lists or mappings in one another") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise error if isinstance(error, YamlError) else YamlError(str(error)) from error


class _Loader(yaml.SafeLoader):
    composed = 0  # values so far

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the node of the next value."""
        self.composed += 1
        if self.composed > MOST_VALUES:
            raise _too_many(self.composed)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return the mapping of a node, whose keys are different scalars."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key.start_mark)
            if key.value in lines:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key.value!r}, first in line {lines[key.value]}", key.start_mark
                )
            lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


_Loader.yaml_constructors = {
    tag: yaml.SafeLoader.yaml_constructors[tag] for tag in (*(f"tag:yaml.org,2002:{name}" for name in _TAGS), None)
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != _DATE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _measure(node: Any, measured: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Return how many values a node holds with its aliases written out, and how deep they lie in one another.

    Raises:
        YamlError: It holds itself, is too deep, or has a character that no text may have.
    """
    if id(node) in measured:
        if (known := measured[id(node)]) is None:
            raise YamlError(f"an alias in line {node.start_mark.line + 1} holds itself")
        return known
    measured[id(node)] = None
    inner = [_measure(child, measured) for child in _children(node)]
    values = 1 + sum(count for count, _ in inner)
    depth = 1 + max((depth for _, depth in inner), default=0)
    if depth > DEEPEST + 1:
        raise YamlError(f"more than {DEEPEST} lists or mappings in one another")
    measured[id(node)] = values, depth
    return values, depth


def _children(node: Any) -> list[Any]:
    if isinstance(node, yaml.ScalarNode):
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in node.value):
            raise YamlError(f"line {node.start_mark.line + 1} has a null character, or half of a surrogate pair")
        return []
    return [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]


def _too_many(values: int) -> YamlError:
    number = f"{values:,}" if values < 10**15 else f"more than {10**15:,}"
    return YamlError(f"it holds {number} values or more, aliases written out, and {MOST_VALUES:,} are allowed")
