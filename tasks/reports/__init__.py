"""What reports show of each task: one module a task, which no row depends on."""
