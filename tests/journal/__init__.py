"""Tests of the foundations of truth: journal, checkpoints, outbox, deliveries."""
