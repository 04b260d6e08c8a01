"""Run one definition as a Temporal workflow: plain data in, plain data out, no I/O, no clock."""
