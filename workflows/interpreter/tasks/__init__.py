"""One file per kind of task: how it is compiled, and what it does."""
