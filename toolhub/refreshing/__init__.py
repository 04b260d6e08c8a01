"""When servers are asked again for their tools, without anybody asking for it."""
