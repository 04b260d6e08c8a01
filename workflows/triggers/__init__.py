"""Definitions that start by themselves: what their `schedule` says becomes true, and stays so.

models         tables
repository     rows of one definition
ledger         transactions: a version is published, a trigger asks, a process takes care
keeping        Temporal is made to agree with the tables
times          `every` and `cron` as a schedule of Temporal
sweeping       what a process that died left behind
"""
