"""The command line: starts, checks and shows. It decides nothing that another door would miss."""
