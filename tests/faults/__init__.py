"""A server that misbehaves in many ways, and what the hub makes of each."""
