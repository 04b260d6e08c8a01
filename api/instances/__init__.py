"""Instances over HTTP: start, look at, list, follow, stop."""
