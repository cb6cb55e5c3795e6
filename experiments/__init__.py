"""The experiments of the quickstart and of the committed results, installed as robustrank.experiments."""
