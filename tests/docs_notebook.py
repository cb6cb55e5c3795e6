"""Runs a notebook of the docs in a kernel. `python -m tests.docs_notebook` writes its outputs into it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorials" / "first-steps.ipynb"


def executed(path: Path, folder: Path) -> Any:
    """Return a notebook with the outputs that its cells have in a working folder; an error of a cell is raised."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [kept(output) for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def kept(output: Any) -> Any:
    """Return an output without the text of what is shown as HTML, which no reader sees."""
    if "text/html" in output.get("data", {}):
        output.data.pop("text/plain", None)
    return output


def printed(notebook: Any) -> list[list[Any]]:
    """Return what each code cell prints and shows."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[output.get("text") or dict(output.data) for output in cell.outputs] for cell in cells]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as working:
        nbformat.write(executed(NOTEBOOK, Path(working)), NOTEBOOK)
