"""Tests of `hotline calls`."""
