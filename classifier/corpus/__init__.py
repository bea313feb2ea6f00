"""Labelled utterances written for this project: ``train/`` (the shipped model learns from them), ``dev/`` (choices are made
on them) and ``heldout/`` (nothing is ever chosen on them; frozen by hash)."""
