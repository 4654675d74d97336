import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import tokenize

from stages.novelty.pool import NoveltyPool
from stages.novelty.tokens import rouge_tokens, unicode_tokens

LAW = settings(deadline=None, derandomize=True)
IDENTICAL = {
    "chinese": "把下面的句子翻译成英文，并解释其中的成语。",
    "japanese": "次の文章を三行で要約してください。",
    "thai": "เขียนบทกวีสั้น ๆ เกี่ยวกับฝน",
    "arabic": "اكتب قصيدة قصيرة عن المطر في الصباح",
    "hindi": "बारिश के बारे में एक छोटी कविता लिखिए।",
    "russian": "Напиши короткое стихотворение о дожде.",
    "korean": "비에 대한 짧은 시를 써 주세요.",
}
ANOTHER = {
    "chinese": "请为一家书店想三个名字。",
    "japanese": "旅行の荷物の一覧を作る。",
    "thai": "แปลประโยคนี้เป็นภาษาจีน",
    "arabic": "ترجم هذه الجملة إلى الصينية",
    "hindi": "इस वाक्य का अनुवाद करो",
    "russian": "Переведи это предложение на китайский язык",
    "korean": "이 문장을 중국어로 번역하세요",
}


@LAW
@given(st.text())
def test_rouge_tokens_equal_the_tokens_of_rouge_score(text: str) -> None:
    assert rouge_tokens(text) == tokenize.tokenize(text, None)


@LAW
@given(st.text(st.characters(max_codepoint=127)))
def test_both_tokenizers_agree_on_ascii(text: str) -> None:
    assert unicode_tokens(text) == rouge_tokens(text)


@LAW
@given(st.text())
def test_a_unicode_token_is_never_empty_and_holds_no_white_space(text: str) -> None:
    assert all(token.split() == [token] for token in unicode_tokens(text))


@LAW
@given(st.lists(st.text()))
def test_punctuation_between_words_changes_no_token(texts: list[str]) -> None:
    assert unicode_tokens(" «» ".join(texts)) == [token for text in texts for token in unicode_tokens(text)]


@pytest.mark.parametrize("text", IDENTICAL.values(), ids=IDENTICAL)
def test_two_identical_instructions_score_1_in_any_script(text: str) -> None:
    pool = NoveltyPool(0.7, unicode_tokens)
    [first, second] = pool.admit([text, text])
    assert (first.accepted, second.accepted) == (True, False)
    assert second.max_rouge_l == 1.0
    assert second.identical


@pytest.mark.parametrize("script", IDENTICAL)
def test_two_unrelated_instructions_are_both_admitted_in_any_script(script: str) -> None:
    pool = NoveltyPool(0.7, unicode_tokens)
    [_, second] = pool.admit([IDENTICAL[script], ANOTHER[script]])
    assert second.accepted
    assert second.max_rouge_l < 0.5


@pytest.mark.parametrize("text", IDENTICAL.values(), ids=IDENTICAL)
def test_rouge_tokens_ignore_words_outside_ascii(text: str) -> None:
    assert rouge_tokens(text) == []


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Écris un poème sur l'été", ["écris", "un", "poème", "sur", "l", "été"]),
        ("Größe? Straße!", ["größe", "straße"]),
        ("Zażółć GĘŚLĄ jaźń", ["zażółć", "gęślą", "jaźń"]),
    ],
    ids=["french", "german", "polish"],
)
def test_accented_letters_stay_in_the_word(text: str, tokens: list[str]) -> None:
    assert unicode_tokens(text) == tokens


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Ｐｙｔｈｏｎ　３．１１", "python 3.11"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("e\u0301te\u0301", "été"),
        ("コ\u3099ミ", "ゴミ"),
        ("ﬁnd the oﬃce", "find the office"),
        ("x² and ①", "x2 and 1"),
    ],
    ids=[
        "full_width",
        "half_width_kana",
        "combining_accent",
        "combining_voice_mark",
        "ligatures",
        "superscript_and_circled",
    ],
)
def test_spellings_that_look_the_same_have_the_same_tokens(text: str, same: str) -> None:
    assert unicode_tokens(text) == unicode_tokens(same)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("我用Python写诗3首", ["我", "用", "python", "写", "诗", "3", "首"]),
        ("かな、カナ", ["か", "な", "カ", "ナ"]),
        ("ฝนตก", ["ฝ", "น", "ต", "ก"]),
        ("𠮷𠀋家", ["𠮷", "𠀋", "家"]),
    ],
    ids=["han_and_latin", "kana", "thai", "han_beyond_the_first_plane"],
)
def test_a_script_without_spaces_has_one_token_per_character(text: str, tokens: list[str]) -> None:
    assert unicode_tokens(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("비가 온다", ["비가", "온다"]),
        ("كِتَاب", ["كِتَاب"]),
        ("Война и мир", ["война", "и", "мир"]),
    ],
    ids=["hindi_vowel_signs", "korean", "arabic_vowel_marks", "russian"],
)
def test_a_script_with_spaces_has_one_token_per_word(text: str, tokens: list[str]) -> None:
    assert unicode_tokens(text) == tokens


@pytest.mark.parametrize(
    "text", ["", " \n\t", "?!… — «»", "🙂🎉", "_"], ids=["empty", "blank", "punctuation", "emoji", "underscore"]
)
def test_a_text_without_letters_and_digits_has_no_tokens(text: str) -> None:
    assert unicode_tokens(text) == rouge_tokens(text) == []
