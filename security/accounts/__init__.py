"""Tenants, their users, and the sessions in which users are logged in."""
