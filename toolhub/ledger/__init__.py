"""The ledger of calls: what must not run twice is written down before it is sent."""
