"""The requests of the API, one module per resource: what to send, and how to read the answer."""
