"""Tests of the decision chain."""
