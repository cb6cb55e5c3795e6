"""The wheel: every package and data file, working in another folder, with the identities of the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {  # of the checkout -> of the wheel
    "robustrank": "robustrank",
    **{name: f"robustrank/{name}" for name in ("attacks", "defenses", "experiments", "results", "tasks")},
}
IDENTITIES = """
import json, sys
from robustrank.plugins import KINDS, code_parts, identity, parse, registry
found = {
    f"{kind} {name}": code_parts(plugin.value.partition(":")[0])
    for kind in KINDS
    for name, plugin in registry(kind).items()
}
found["with its parameters"] = identity("task", parse("imitation:surrogate=knrm,training={augment: character-typos}"))
json.dump(found, sys.stdout)
"""


def test_the_package_list_matches_the_folders():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {
        "/".join([FOLDERS[name], *path.parent.relative_to(ROOT / name).parts])
        for name in FOLDERS
        for path in (ROOT / name).rglob("__init__.py")
    }
    assert listed == {folder.replace("/", ".") for folder in folders}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Return a wheel, built of a copy of the checkout."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in FOLDERS:
        left_out = ("__pycache__", *(["report"] if name == "results" else []))
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*left_out))
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(copy))
    return next(out.glob("robustrank-*.whl"))


@pytest.fixture(scope="module")
def bare(wheel, tmp_path_factory) -> Path:
    """Return the programs of an environment with the wheel; its dependencies are this environment's."""
    environment = tmp_path_factory.mktemp("bare") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    programs = environment / "bin"
    _pip("--python", str(programs / "python"), "install", "--no-deps", str(wheel))
    packages = next(environment.glob("lib/python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # whose own .pth files are not followed
    return programs


LEFT_OUT = {"__pycache__", "report", "README.md", "certificates.tar.xz"}


def _below(name: str, path: Path) -> tuple[str, ...]:
    """The parts of a path that tell what is not installed: reports, large archives, what Python compiled."""
    return path.relative_to(ROOT / name).parts if name == "results" else tuple(set(path.parts) & {"__pycache__"})


@pytest.mark.slow
def test_the_wheel_has_every_file_of_the_packages(wheel):
    files = {
        "/".join([folder, *path.relative_to(ROOT / name).parts])
        for name, folder in FOLDERS.items()
        for path in (ROOT / name).rglob("*")
        if path.is_file()
        and not {"__pycache__", "report", "README.md", "certificates.tar.xz"}.intersection(_below(name, path))
    }
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == files


@pytest.mark.slow
def test_the_wheel_lists_and_runs_in_another_folder(bare, tmp_path):
    assert "quickstart" in _run(bare / "robustrank", "list", "experiments", "--names", cwd=tmp_path).split()
    assert "unavailable" not in _run(bare / "robustrank", "list", cwd=tmp_path)
    assert "19 to run" in _run(bare / "robustrank", "run", "quickstart", "--dry-run", cwd=tmp_path)
    where = "import robustrank; print(robustrank.__file__)"
    assert _run(bare / "python", "-c", where, cwd=tmp_path).startswith(str(bare.parent))
    assert "measures are the same" in _run(bare / "robustrank", "compare", "quickstart", "quickstart", cwd=tmp_path)
    line = "evaluate bm25 --collection lee --limit 2 --workers 0"
    assert "rows of 1 cell in runs/evaluation" in _run(bare / "robustrank", *line.split(), cwd=tmp_path)
    assert (tmp_path / "runs" / "evaluation" / "report" / "report.md").is_file()


@pytest.mark.slow
def test_every_plugin_has_the_identity_of_the_checkout(bare, tmp_path):
    ours = json.loads(_run(Path(sys.executable), "-c", IDENTITIES, cwd=tmp_path))
    assert len(ours) > 50
    assert json.loads(_run(bare / "python", "-c", IDENTITIES, cwd=tmp_path)) == ours


def _pip(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *args], check=True)


def _run(program: Path, *args: str, cwd: Path) -> str:
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.run([program, *args], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout
