from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.accounts.passwords import ONE_TIME_ALPHABET, Passwords, check_new_password, new_one_time_password
from study_bot.errors import InputError
from tests.accounts.quick import quick_passwords

QUICK = quick_passwords()


def test_a_hash_matches_its_password_only() -> None:
    stored = QUICK.hash("纸船 灯塔 梧桐 42")
    assert QUICK.matches(stored, "纸船 灯塔 梧桐 42")
    assert not QUICK.matches(stored, "纸船 灯塔 梧桐 43")
    assert not QUICK.matches(stored, "")


def test_the_hash_is_argon2id_and_salted() -> None:
    first, second = QUICK.hash("correct-horse"), QUICK.hash("correct-horse")
    assert first.startswith("$argon2id$") and first != second and "correct" not in first


def test_the_usual_cost_is_the_recommended_one() -> None:
    stored = Passwords().hash("correct-horse")
    assert "m=65536,t=3,p=4" in stored and not Passwords().needs_rehash(stored)


def test_a_one_time_password_is_kept_at_less_cost_and_matches() -> None:
    password = new_one_time_password()
    stored = QUICK.hash_one_time(password)
    assert QUICK.needs_rehash(stored) and QUICK.matches(stored, password) and not QUICK.matches(stored, password[:-1])


def test_nobody_has_no_password() -> None:
    assert not QUICK.matches(None, "") and not QUICK.matches(None, "whatever-else")


def test_a_damaged_hash_matches_nothing() -> None:
    stored = QUICK.hash("correct-horse")
    assert not QUICK.matches(stored[:-4] + "AAAA", "correct-horse")


@pytest.mark.parametrize(
    ("typed", "kept"), [("ｃｏｒｒｅｃｔ１２３", "correct123"), ("correct123", "ｃｏｒｒｅｃｔ１２３")]
)
def test_full_width_letters_count_as_plain_ones(typed: str, kept: str) -> None:
    assert QUICK.matches(QUICK.hash(kept), typed)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_tried(password: str, other: str) -> None:
    assert QUICK.matches(QUICK.hash_one_time("纸船灯塔"), other) == (other == "纸船灯塔")
    assert QUICK.matches(None, password) is False


def test_a_lone_surrogate_can_be_tried() -> None:
    assert not QUICK.matches(QUICK.hash("correct-horse"), "\ud800")


def test_one_time_passwords_are_readable_and_differ() -> None:
    made = {new_one_time_password() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        groups = password.split("-")
        assert [len(g) for g in groups] == [5, 5, 5] and set("".join(groups)) <= set(ONE_TIME_ALPHABET)
    assert not set("ilo01") & set(ONE_TIME_ALPHABET)


@pytest.mark.parametrize(
    "good", ["纸船灯塔梧桐与旧信封", "blue-kettle-walks", "Xk7#mQ2$vL9p", "北风 2024 砚台 茶", "010203纸船灯塔梧桐"]
)
def test_good_passwords_pass(good: str) -> None:
    check_new_password(good, "010203", "张三", "13800000000")


@pytest.mark.parametrize(
    "bad",
    [
        "short", "一二三四五六七八九", "x" * 129, "aaaaaaaaaaaa", "1212121212", "1234567890", "0987654321",
        "qwertyuiop", "QWERTYUIOP", "poiuytrewq", "1q2w3e4r5t", "1qaz2wsx3edc", "password123", "Password123!",
        "P@ssw0rd2024", "woaini1314520", "admin123456", "12345admin!!", "police110110", "abcdeabcdeabcde",
        "010203张三010203", "张三13800000000", "010203010203", "张三010203!!", "blue\0kettle-walks", "0123456789",
    ],
)  # fmt: skip
def test_passwords_that_can_be_guessed_are_refused(bad: str) -> None:
    with pytest.raises(InputError, match="新密码"):
        check_new_password(bad, "010203", "张三", "13800000000")


def test_a_one_time_password_would_be_good_enough() -> None:
    check_new_password(new_one_time_password(), "010203", "张三")
