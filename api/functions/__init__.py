"""The tenant's own catalogue of functions over HTTP."""
