"""Rankers on transformers, loaded by sentence-transformers as their authors ship them."""
