"""Logging in at servers that want tokens (OAuth 2.1), and with credentials that have changed."""
