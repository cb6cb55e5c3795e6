"""Executors: who runs the cells of a run, and the plug-in code that plans them. Each gives back what cells return."""
