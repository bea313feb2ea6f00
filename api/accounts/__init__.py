"""Accounts, postings and grants, as administrators keep them."""
