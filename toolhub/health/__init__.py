"""Whether registered servers answer, found out without calling a tool."""
