"""What is searched: the collection, the checks it passes, and the readers that build one."""
