"""`import robustrank` is quick, and what it exports is there at its first use."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import robustrank
from robustrank.records import Document


def test_importing_the_package_loads_no_library():
    code = (
        "import sys, time; start = time.process_time(); import robustrank; seconds = time.process_time() - start\n"
        "print(sorted({'torch', 'numpy', 'pandas', 'pydantic', 'yaml'} & sys.modules.keys()), seconds < 0.1)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[] True"


def test_every_exported_name_is_there():
    assert robustrank.__version__ == version("robustrank")
    for name in robustrank.__all__:
        assert getattr(robustrank, name) is not None
        assert name in dir(robustrank)
    assert robustrank.Document("d", "text") == Document("d", "text")
    assert "bm25" in robustrank.plugins.registry("ranker")


def test_another_name_is_not_there():
    assert not hasattr(robustrank, "evalaute")
