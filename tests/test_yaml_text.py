"""YAML is read as far as it is of bounded size and of one meaning."""

from __future__ import annotations

import pytest

from robustrank.yaml_text import DEEPEST, MOST_VALUES, YamlError, read_yaml


def test_anchors_and_merge_keys_may_be_used():
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]"
    assert read_yaml(text) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": [{"x": 1, "y": 2}] * 2}


def test_a_date_is_a_text_and_a_number_a_number():
    assert read_yaml("[2020-01-31, 1.5e-3, 7, true, null]") == ["2020-01-31", 0.0015, 7, True, None]


def test_values_are_counted_with_aliases_written_out():
    assert len(read_yaml("- " + "[" + "x," * (MOST_VALUES - 3) + "]")[0]) == MOST_VALUES - 3
    twice = "a: &a [" + "x," * (MOST_VALUES // 2) + "]\nb: *a"
    with pytest.raises(YamlError, match=r"20,00\d values or more"):
        read_yaml(twice)


def test_depth_is_counted_along_aliases():
    assert read_yaml("[" * DEEPEST + "]" * DEEPEST)
    chain = "\n".join(f"a{i}: &a{i} [{f'*a{i - 1}' if i else 'x'}]" for i in range(DEEPEST + 2))
    with pytest.raises(YamlError, match="more than 30"):
        read_yaml(chain)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2", "duplicate key 'a', first in line 1"),
        ("? [a]\n: b", "a key is a list"),
        ("&a [*a]", "holds itself"),
        ("!!python/name:os.system", "python/name"),
        ("!!timestamp 2020-01-01", "timestamp"),
        ('"\\0"', "null character"),
        ('"\\ud800"', "surrogate"),
        ("[" * 5000, "more than 30"),
    ],
)
def test_what_has_no_single_meaning_is_refused(text, says):
    with pytest.raises(YamlError, match=says.replace("[", r"\[")):
        read_yaml(text)
