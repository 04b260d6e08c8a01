"""Whether a call may go out now: one breaker per tenant and server, and the rate of its calls.

verdict -> types        what counts against a server
local, scripts          the same state machine in one process, and in Redis for all replicas
shared -> scripts, local
"""
