"""Matters that are the same event or the same complaint (相似事项), and texts of a corpus that are nearly the same. Pure."""

from classifier.similar.index import Index, Match, SimilarError
from classifier.similar.near import near_duplicates

__all__ = ["Index", "Match", "SimilarError", "near_duplicates"]
