"""Judging of words: what they are about, whose they are, whether it is urgent, and which open matters look the same."""
