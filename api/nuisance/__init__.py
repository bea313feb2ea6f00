"""Nuisance 骚扰: numbers are marked, gathered and exported; nobody is ever refused a call for it."""
