"""Errors of the classifier: each has a stable code, a sentence that says what to do, and the value that offended."""

from __future__ import annotations


class ClassifierError(Exception):
    """Base of this package's errors."""

    code = "classifier.error"

    def __init__(self, message: str, value: str = "") -> None:
        super().__init__(message)
        self.value = value
