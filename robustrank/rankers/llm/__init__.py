"""Rankers that prompt language models: backends, prompts, the reading of answers, and one module per kind of ranker."""
