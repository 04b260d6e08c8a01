"""jq as text: tokens, the tree they make, and the errors that say where it does not fit."""
