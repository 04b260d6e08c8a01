"""What was called, when, by whom and with what outcome: a log, and nothing of any payload.

It is no ledger: rows are written in batches beside the calls, so a process that is killed takes the
last moment's with it. Whether a call may be repeated is never decided by what stands here.
"""
