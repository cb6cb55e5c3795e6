from __future__ import annotations

import subprocess
import sys


def test_importing_every_reader_loads_nothing_heavy() -> None:
    code = (
        "import sys, robustrank.collections.beir, robustrank.collections.irds, robustrank.collections.lee,"
        " robustrank.collections.trec_files\n"
        "heavy = {'bm25s', 'gensim', 'ir_datasets', 'pandas', 'torch', 'Stemmer'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
