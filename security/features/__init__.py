"""What an administrator has to enable for a tenant before anybody can use it."""
