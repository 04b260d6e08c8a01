"""Running and ended instances: start, look at, follow, stop. Temporal holds the truth."""
