"""Signing in: passwords, browser sessions, programs' tokens, OIDC."""
