"""What a program or a notebook calls: evaluate rankers, run experiments, read results. See docs/python.md."""
