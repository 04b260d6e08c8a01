"""Tools of MCP servers: a registry of servers, and one way to call what they offer.

registry -> discovery -> wire          what an administrator does
pinning                                what a tool was, and whether its change is taken over
hub -> directory, wire,                what a workflow does
       outcome, results
"""
