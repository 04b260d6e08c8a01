"""Programs of a definition, in a sandbox."""
