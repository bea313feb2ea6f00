"""The exchange with systems of other makers."""
