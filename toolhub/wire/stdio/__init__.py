"""MCP over stdio: servers that are programs, started here and ended with all they have started."""
