"""Tests of the worker on real streams and databases, through kills and outages."""
