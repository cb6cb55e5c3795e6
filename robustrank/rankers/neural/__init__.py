"""Neural rankers that predate pretrained transformers, small enough to be trained on a CPU."""
