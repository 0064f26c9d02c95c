"""Search tokens: words, pairs, labels, amounts, and what is left out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study_bot.index.tokens import TOKENIZER_VERSION, Tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer()


def test_words_and_pairs_together(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.tokens("办理取保候审")
    assert {"办理", "取保候审", "理取", "取保", "保候", "候审"} <= set(tokens)


@pytest.mark.parametrize(
    "word", ["治安管理处罚", "取保候审", "帮助信息网络犯罪活动", "三会一课", "留党察看", "执法记录仪"]
)
def test_legal_words_are_kept_whole(tokenizer: Tokenizer, word: str) -> None:
    assert word in tokenizer.tokens(f"关于{word}的说明")


def test_extra_words_are_kept_whole() -> None:
    text = "查阅江临市值守管理规定全文"
    assert "江临市值守管理规定" not in Tokenizer().tokens(text)
    tokens = Tokenizer(["江临市值守管理规定", "", "x"]).tokens(text)
    assert "江临市值守管理规定" in tokens
    assert "规定" in tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("第26条", "第二十六条"),
        ("第２６条第２款", "第二十六条第二款"),
        ("第 120 条之 1", "第一百二十条之一"),
        ("第40、41条", "第四十条、第四十一条"),
        ("ＡＢＣ　Ｄ", "abc d"),
        ("《守则》（试行）", "守则，试行！"),
    ],
)
def test_spellings_that_give_the_same_tokens(tokenizer: Tokenizer, one: str, other: str) -> None:
    assert tokenizer.tokens(one) == tokenizer.tokens(other)


def test_an_article_label_is_not_the_label_of_another(tokenizer: Tokenizer) -> None:
    assert not set(tokenizer.tokens("第二十六条")) & set(tokenizer.tokens("第二百二十六条"))
    assert not set(tokenizer.tokens("第一百二十条")) & set(tokenizer.tokens("第一百二十条之一"))


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("罚款二百元", "200元"),
        ("罚款２００元", "200元"),
        ("三个月以内", "3月"),
        ("两年后", "2年"),
        ("1.5万元", "15000元"),
        ("五千万元", "50000000元"),
        ("10000元", "10000元"),
        ("四十八小时内", "48小时"),
    ],
)
def test_amounts_in_either_script(tokenizer: Tokenizer, text: str, token: str) -> None:
    assert token in tokenizer.tokens(text)


def test_punctuation_and_lone_function_characters_are_left_out(tokenizer: Tokenizer) -> None:
    assert tokenizer.tokens(" ，。！？……——《》（）_ ____ \n\t") == []
    assert tokenizer.tokens("的") == []
    assert "的" not in tokenizer.tokens("值班人员的职责")


def test_numbers_no_statute_has_do_no_harm(tokenizer: Tokenizer) -> None:
    assert tokenizer.tokens("第一二三四五六条之九九九九九")


def test_nothing_gives_nothing(tokenizer: Tokenizer) -> None:
    assert tokenizer.tokens("") == []


@given(st.text())
def test_any_text_gives_plain_tokens(text: str) -> None:
    """Never empty, never with a space, the same each time; letter case does not matter for ASCII."""
    tokenizer = _SHARED
    tokens = tokenizer.tokens(text)
    assert all(token and not any(c.isspace() for c in token) for token in tokens)
    assert tokens == tokenizer.tokens(text)
    if text.isascii():
        assert tokens == tokenizer.tokens(text.upper())


@given(st.text() | st.text(alphabet="第二十六条值班登记罚款200元的，。", max_size=40))
def test_words_and_pairs_are_the_tokens_in_two_lists(text: str) -> None:
    words, pairs = _SHARED.words_and_pairs(text)
    assert words + pairs == _SHARED.tokens(text)
    assert all(len(pair) == 2 for pair in pairs)


def test_labels_and_amounts_are_words() -> None:
    words, pairs = _SHARED.words_and_pairs("第26条罚款二百元")
    assert {"第二十六条", "罚款", "200元"} <= set(words)
    assert {"罚款", "款二"} <= set(pairs)
    assert not {"第二十六条", "200元"} & set(pairs)


_SHARED = Tokenizer()


def test_threads_share_a_tokenizer(tokenizer: Tokenizer) -> None:
    texts = [f"值班人员应当在{n}小时内登记第{n}条所列物品" for n in range(1, 200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(tokenizer.tokens, texts)) == [tokenizer.tokens(text) for text in texts]


def test_version_names_rules_segmenter_and_vocabulary() -> None:
    rules, segmenter, vocabulary = TOKENIZER_VERSION.split("+")
    assert rules.isdigit()
    assert segmenter.startswith("rjieba-")
    assert len(vocabulary) == 8
