"""Test collections, their checks and their readers."""
