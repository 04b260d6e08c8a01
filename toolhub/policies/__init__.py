"""What an operator knows of a tool that its server does not say, or says wrongly."""
