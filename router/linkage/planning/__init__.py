"""Plans (预案) as data, and their versions."""
