"""The official conformance suite of MCP against the hub as a client: `make conformance-mcp`."""
