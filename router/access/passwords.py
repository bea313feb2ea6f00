"""Passwords: what is taken, and how they are kept (Argon2id, RFC 9106)."""

from __future__ import annotations

import functools

import argon2

from router.errors import Invalid

SHORTEST, LONGEST = 10, 256
HASHER = argon2.PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
"""64 MiB and three passes: RFC 9106's second recommendation, on one lane, for the service hashes a few at a time."""


@functools.cache
def _nobody() -> str:
    return HASHER.hash("nobody has this password")


def check(password: str, username: str) -> None:
    """Raise :class:`router.errors.Invalid` for a password that is not taken."""
    remedy = f"至少 {SHORTEST} 个字符,不含用户名,不是同一字符的重复"
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(f"密码须有 {SHORTEST} 到 {LONGEST} 个字符", remedy, field="password")
    if not password.isprintable():
        raise Invalid("密码含有不能显示的字符", remedy, field="password")
    if (len(username) >= 4 and username.lower() in password.lower()) or password.lower() == username.lower():
        raise Invalid("密码不能含有用户名", remedy, field="password")
    if len(set(password)) < 4:
        raise Invalid("密码过于简单", remedy, field="password")


def hashed(password: str, username: str) -> str:
    """The hash of an acceptable password; about a twentieth of a second of a processor. Raise :class:`router.errors.Invalid`."""
    check(password, username)
    return HASHER.hash(password)


def fits(stored: str | None, password: str) -> bool:
    """Whether it is the password; takes as long for an account that has none, or is none."""
    try:
        return HASHER.verify(stored or _nobody(), password) and stored is not None
    except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError, argon2.exceptions.VerificationError):
        return False


def outdated(stored: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return HASHER.check_needs_rehash(stored)
