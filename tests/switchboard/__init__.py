"""Tests of the switchboard."""
