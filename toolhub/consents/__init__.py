"""Servers that take tokens of people: asking one to agree, and keeping what he agreed to."""
