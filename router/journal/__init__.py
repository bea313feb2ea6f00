"""The append-only, hash-chained record of every change and access (留痕), and the outbox that tells of changes."""
