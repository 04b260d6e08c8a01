"""Setting a system up: database schema, the local stack."""
