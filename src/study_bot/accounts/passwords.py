"""Passwords: how they are kept, which new ones are good enough, and one-time passwords."""

from __future__ import annotations

import re
import secrets
import threading
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from study_bot.errors import InputError

MIN_CHARS = 10
MAX_CHARS = 128

MIN_KINDS_OF_CHARACTERS = 5
"""Different characters a password must have at least."""

MIN_OWN_CHARS = 6
"""Characters that must be left once the badge, the name and the telephone number are taken out."""

ONE_TIME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No letter or digit that can be taken for another one (i l o 0 1)."""

_LONGEST_TRIED = 1024
"""Characters of what is typed that are looked at; no password is as long."""

_GROUPS, _GROUP_CHARS = 3, 5

_AT_ONCE = 4
"""Hashes made at the same time: each takes 64 MB, and anybody may ask for one by trying to sign in."""

# Keys that lie in a row, on the keyboard or in the alphabet.
_ROWS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
)

# What is tried first, in lower case and without the digits and signs around it.
_COMMON_WORDS = (
    "password passwd passw0rd p@ssw0rd p@ssword admin administrator root guest test user login welcome letmein "
    "iloveyou woaini woaini1314 nihao zhongguo beijing police jingcha gongan gonganju gat mima mimamima "
    "changeme default secret master abc abcd abcabc aaa qwerty qwertyuiop asdfgh asdfghjkl qwe qweasd qweasdzxc "
    "q1w2e3r4t5 1q2w3e4r5t qazwsx qazwsxedc 1qaz2wsx 1qaz2wsx3edc a1b2c3d4e5 computer dragon monkey sunshine"
)
_COMMON = frozenset(_COMMON_WORDS.split())


class Passwords:
    """Argon2id hashes, safe for many threads: who lets people sign in and who manages them share one.

    A random one-time password cannot be guessed, so that a fast hash is enough for it: a roster has thousands.
    """

    def __init__(self, hasher: PasswordHasher | None = None, quick: PasswordHasher | None = None) -> None:
        """Take the hashers.

        :param hasher: for passwords that people choose; None = the library's recommended cost.
        :param quick: for one-time passwords.
        """
        self._full = hasher or PasswordHasher()
        self._quick = quick or PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """The hash of a password that a person chose."""
        with self._slots:
            return self._full.hash(_form(password))

    def hash_one_time(self, password: str) -> str:
        """The hash of a password made by `new_one_time_password`."""
        return self._quick.hash(_form(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one of the hash; False for None.

        The work is the same whatever is stored, so that the time tells neither whether there is an account nor
        whether its first password was changed.
        """
        full, quick = self._of_nobody
        is_quick = stored is not None and not self._quick.check_needs_rehash(stored)
        with self._slots:
            full_matches = _verify(self._full, full if stored is None or is_quick else stored, password)
            quick_matches = _verify(self._quick, stored if stored is not None and is_quick else quick, password)
        return quick_matches if is_quick else full_matches

    def needs_rehash(self, stored: str) -> bool:
        """Whether the hash was made with another cost than that of a password chosen now."""
        return self._full.check_needs_rehash(stored)

    @cached_property
    def _of_nobody(self) -> tuple[str, str]:
        """Hashes of either cost that no password has."""
        return self._full.hash(secrets.token_urlsafe(32)), self._quick.hash(secrets.token_urlsafe(32))


def new_one_time_password() -> str:
    """A random password of 74 bits that can be read out and typed: three groups of five."""
    return "-".join("".join(secrets.choice(ONE_TIME_ALPHABET) for _ in range(_GROUP_CHARS)) for _ in range(_GROUPS))


def check_new_password(new: str, badge: str, name: str, phone: str = "") -> None:
    """Refuse a password that can be guessed.

    :raises InputError: too short or long, or made of what others know, or one of those tried first.
    """
    form = _form(new)
    if len(form) < MIN_CHARS:
        raise InputError(f"新密码至少要有 {MIN_CHARS} 个字符，请加长后再试。")
    if len(form) > MAX_CHARS:
        raise InputError(f"新密码最多 {MAX_CHARS} 个字符，请缩短后再试。")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in form):
        raise InputError("新密码含有不能输入的控制字符，请换一个。")
    folded = form.casefold()
    if len(set(folded)) < MIN_KINDS_OF_CHARACTERS:
        raise InputError(f"新密码里不同的字符太少，至少要有 {MIN_KINDS_OF_CHARACTERS} 种，请换一个。")
    own = folded
    for known in sorted((_form(k).casefold() for k in (badge, name, phone) if len(k) > 1), key=len, reverse=True):
        own = own.replace(known, "")
    if own != folded and len(own) < MIN_OWN_CHARS:
        raise InputError("新密码不能由警号、姓名或电话号码组成，请换一个。")
    if _is_common(folded):
        raise InputError("新密码太常见，容易被猜中，请换一个，例如几个不相干的词连在一起。")


def _is_common(folded: str) -> bool:
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded)
    if folded in _COMMON or core in _COMMON:
        return True
    for size in range(1, len(folded) // 2 + 1):  # abcabcabcabc
        if size < MIN_OWN_CHARS and (folded[:size] * len(folded))[: len(folded)] == folded:
            return True
    return any(folded in row or folded[::-1] in row for row in _ROWS)


def _form(password: str) -> str:
    """Full-width letters and digits of an input method count as the plain ones."""
    return unicodedata.normalize("NFKC", password)


def _verify(hasher: PasswordHasher, stored: str, password: str) -> bool:
    try:
        return hasher.verify(stored, _form(password[:_LONGEST_TRIED]).encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
