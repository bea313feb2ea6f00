"""Tests of the media room: a real room process, real phones, a small forwarder as front door."""
