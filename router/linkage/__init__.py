"""Linkage (应急联动): emergencies call the right people, and don't stop until somebody has them in hand."""
