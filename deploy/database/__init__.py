"""The schema of our own tables: its history, and the one way to bring a database up to date."""
