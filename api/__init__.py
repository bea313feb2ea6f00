"""The HTTP interface: one package per feature over ``router``."""
