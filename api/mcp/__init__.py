"""Registered MCP servers over HTTP."""
