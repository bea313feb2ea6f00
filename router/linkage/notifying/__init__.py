"""Telling posts until somebody has it in hand: the ladder, the engine that walks it, and the channels."""
