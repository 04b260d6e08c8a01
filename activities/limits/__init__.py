"""Limits of calls: how many at the same time, and how many in a period.

Import from the modules: what requests need of `types` must not bring the guard along.
"""
