"""First stages: which documents a ranker gets to rank."""
