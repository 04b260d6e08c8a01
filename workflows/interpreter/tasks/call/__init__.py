"""`call`: the outside world, one file per protocol; and functions that a definition declares."""
