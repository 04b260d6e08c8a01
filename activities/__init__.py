"""Everything that touches the outside world, one folder per piece of work; each decides nothing."""
