"""How the journal speaks of personal data without holding it.

An entry can never be changed, and yet a person's data must be erasable by law. So an entry names a row by its id, and a number,
name or address by :func:`ref`: equal values look equal, and once the key of fingerprints or the row itself is gone, nothing
leads back from it.
"""

from __future__ import annotations

from router.storage import sealed


def ref(kind: str, value: str) -> str:
    """A salted hash that stands for a value of a kind, e.g. ``number:5f0c…``; 32 hexadecimal digits.

    ``kind`` and normalisation as where the value's fingerprint is stored, so that an entry can be found from a number. Raise
    :class:`router.storage.sealed.KeysMissing`.
    """
    return f"{kind}:{sealed.fingerprint(kind, value)}"
