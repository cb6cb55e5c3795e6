"""The published results: rows, cells, experiment and provenance are installed as robustrank.results."""
