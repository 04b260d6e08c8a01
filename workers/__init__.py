"""Temporal worker processes: read the settings, wire the parts, poll until told to stop."""
