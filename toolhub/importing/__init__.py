"""Servers as others describe them: a `server.json` of the MCP registry, made a registration."""
