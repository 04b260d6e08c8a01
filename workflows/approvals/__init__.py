"""Approvals as people meet them: an inbox, and decisions that can be verified later.

models         table
repository     rows of one tenant
schemas        what is shown
signatures     who said what of which data
service        the inbox, and the way of a decision to the run that waits
"""
