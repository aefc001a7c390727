"""Texts as they are compared."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from service.store.values import GRAPHEME_JOINER, MAX_COMBINING, _stream_safe, fold


@given(st.text(max_size=MAX_COMBINING))
def test_a_text_is_folded_as_unicode_defines_it(text: str) -> None:
    assert fold(text) == unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@given(st.text())
def test_folding_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="a\u0345\u0334\u0301\u0316", max_size=500))
def test_no_more_than_30_combining_marks_in_a_row_are_normalized(text: str) -> None:
    marks = "".join("m" if unicodedata.combining(character) else " " for character in _stream_safe(text))
    assert max(map(len, marks.split(" "))) <= MAX_COMBINING
    assert _stream_safe(text).replace(GRAPHEME_JOINER, "") == text
