"""Neural rankers from before pretrained transformers, small enough to be trained here."""
