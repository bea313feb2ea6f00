"""Handoffs 流转 between 12345 and 110, and their negotiation."""
