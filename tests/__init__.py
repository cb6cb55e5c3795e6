"""Tests, and what they share. A package, since flair, which the extra textattack needs, installs another `tests`."""
