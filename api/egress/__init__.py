"""Rules of a tenant about the hosts that its requests go to, over HTTP."""
