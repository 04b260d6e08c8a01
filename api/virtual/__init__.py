"""The hub as an MCP server of its own: a tenant's tools and workflows at `/mcp`."""
