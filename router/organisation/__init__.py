"""Agencies, people, postings, duty contacts and grants."""
