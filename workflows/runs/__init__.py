"""What instances and schedules share: how a run is named, labelled and fed, and how refusals read.

Knows Temporal's client, no HTTP and no database.
"""
