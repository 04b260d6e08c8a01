"""What a tenant's definitions log in with elsewhere: stored sealed, read by activities only."""
