"""Secrets over HTTP: in, and never out."""
