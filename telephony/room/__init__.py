"""The media room: one call in one process, the only part of the call core that imports pjsua2."""
