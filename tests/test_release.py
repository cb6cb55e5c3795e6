"""One version: that of pyproject.toml, in the citation and the changes too; every Python that it names is tested."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CHANGES = (ROOT / "CHANGES.md").read_text(encoding="utf-8")
RELEASED = {"0.1.0": "cf9c049aa910dcb0", "0.2.0": "1e59b8127544a630"}  # digests of what a release changed


def test_the_citation_and_the_changes_name_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == version
    heading = re.findall(r"^## (.+)$", CHANGES, re.MULTILINE)[0]
    state = "unreleased" if version.endswith(".dev0") else citation["date-released"]
    assert heading == f"{version.removesuffix('.dev0')} ({state})"


def test_a_change_is_written_under_the_version_that_is_not_released():
    sections = dict(re.findall(r"^## (\S+)[^\n]*\n(.*?)(?=^## |\Z)", CHANGES, re.MULTILINE | re.DOTALL))
    digests = {version: hashlib.sha256(sections[version].encode()).hexdigest()[:16] for version in RELEASED}
    assert digests == RELEASED, "a line was added below a released version; move it to the top section"


def test_every_python_that_is_promised_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [text.split(" :: ")[2] for text in project["classifiers"] if "Python :: 3." in text]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert promised[0] == project["requires-python"].removeprefix(">=")
    assert workflow["jobs"]["no-extras"]["strategy"]["matrix"]["python"] == promised
