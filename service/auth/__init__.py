"""Authentication and authorization: users, passwords, tokens, access rules."""
