"""Definitions over HTTP: publish, check, list, read."""
