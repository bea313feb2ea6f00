"""Tests of what people hear: speech, prompts, music and tones."""
