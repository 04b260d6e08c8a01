"""What jq provides, by kind; each module exports its functions by name and arity."""
