"""Logging in, and who one is afterwards."""
