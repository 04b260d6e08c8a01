"""What stands in for a tool that cannot be called: decided by an operator, marked in the result."""
