"""Getting tokens from authorities (OAuth 2, OpenID Connect), and what is believed of them."""
