"""Tests of durable timers."""
