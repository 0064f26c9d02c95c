"""Passwords whose hashes cost next to nothing, for tests."""

from __future__ import annotations

from argon2 import PasswordHasher

from study_bot.accounts.passwords import Passwords

_CHEAP = {"parallelism": 1, "hash_len": 16, "salt_len": 8}


def quick_passwords() -> Passwords:
    """Hashers of the least cost that argon2 allows; still two different ones."""
    return Passwords(
        PasswordHasher(time_cost=2, memory_cost=8, **_CHEAP), PasswordHasher(time_cost=1, memory_cost=8, **_CHEAP)
    )
