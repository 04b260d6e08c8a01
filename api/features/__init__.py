"""Features of a tenant over HTTP."""
