"""When an episode ends, and what of it is graded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from tests.tiny import END_ID, make_request, make_tokenizer
from verigrad.samplers.stopping import completing_ids, finish, first_stop
from verigrad.types import StopReason

TOKENIZER = make_tokenizer()
SPELLING = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
BYTES = {
    letter: byte
    for character in "answer</>\né→"
    for letter, byte in zip(SPELLING.pre_tokenize_str(character)[0][0], character.encode(), strict=True)
}


def decode(ids):
    return TOKENIZER.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def encode(text):
    return TOKENIZER(text)["input_ids"]


def bytes_of(token):
    """The bytes that a token stands for, which need not be whole characters."""
    return bytes(BYTES[letter] for letter in TOKENIZER.convert_ids_to_tokens(token))


def ended(ids, budget=None, **params):
    """(tokens, text, reason) at the first token that ends the episode; None if none does."""
    request = make_request((1,), **params)
    for count in range(1, len(ids) + 1):
        result = finish(request, ids[:count], {END_ID}, decode, budget)
        if result is not None:
            return count, *result
    return None


@pytest.mark.parametrize(
    ("text", "stops", "before", "end"),
    [
        ("a</answer>b", ["</answer>"], 0, 10),
        ("a</answer>b", ["</answer>"], 9, 10),  # completed by the 10th character
        ("a</answer>b", ["</answer>"], 10, None),  # already complete in the first 10: old news
        ("abcab", ["ab"], 2, 5),
        ("aaaa", ["aa"], 2, 3),  # occurrences may overlap
        ("xyz", ["z", "yz", "xy"], 0, 2),  # the one that is complete first
        ("xyz", ["q"], 0, None),
    ],
)
def test_first_stop_by_hand(text, stops, before, end):
    assert first_stop(text, stops, before) == end


def earliest_end(text, stops, before):
    """Step by step: the shortest prefix longer than `before` that ends in a stop string."""
    for end in range(before + 1, len(text) + 1):
        if text[:end].endswith(tuple(stops)):
            return end
    return None


@given(
    text=st.text("ab", max_size=12),
    stops=st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
    before=st.integers(0, 12),
)
def test_first_stop_equals_a_slow_oracle(text, stops, before):
    assert first_stop(text, stops, before) == earliest_end(text, stops, before)


@given(
    parts=st.lists(st.sampled_from(["a", "an", "ans", "<", "/", "</", ">", ">\n", "\n", "é"]), min_size=1, max_size=9),
    stops=st.lists(st.sampled_from(["</a", "a>", ">", "s\n", "é", "an", "\n\n"]), min_size=1, max_size=2),
    min_tokens=st.integers(0, 5),
)
def test_an_episode_ends_with_the_token_that_completes_a_stop_string(parts, stops, min_tokens):
    ids = [token for part in parts for token in encode(part)]
    # the oracle works on bytes: each token's own, laid end to end
    expected, raw = None, b""
    for count, token in enumerate(ids, start=1):
        before, raw = len(raw), raw + bytes_of(token)
        end = earliest_end(raw, [stop.encode() for stop in stops], before)
        if end is not None and count >= min_tokens and expected is None:
            expected = (count, raw[:end].decode(), StopReason.STOP_STRING)
    assert ended(ids, stop=tuple(stops), min_tokens=min_tokens) == expected


def test_a_stop_string_over_several_tokens():
    ids = encode("7</answer> more")
    assert [decode([token]) for token in ids[:8]] == ["7", "</", "ans", "w", "e", "r", ">", " "]
    assert ended(ids, stop=("</answer>",)) == (7, "7</answer>", StopReason.STOP_STRING)


def test_a_stop_string_that_ends_inside_a_token_cuts_the_text_and_not_the_ids():
    ids = encode("7</answer>\nmore")
    assert decode([ids[6]]) == ">\n"
    assert ended(ids, stop=("</answer>",)) == (7, "7</answer>", StopReason.STOP_STRING)


def test_a_stop_string_that_is_complete_before_min_tokens_is_text():
    # "a>b>c": the first ">" is the 2nd token, the second the 4th; it does not end the episode later on either
    ids = encode("a>b>c")
    assert ended(ids, stop=(">",), min_tokens=2) == (2, "a>", StopReason.STOP_STRING)
    assert ended(ids, stop=(">",), min_tokens=3) == (4, "a>b>", StopReason.STOP_STRING)
    assert ended(ids, stop=(">",), min_tokens=5) is None


def test_a_character_of_several_tokens_completes_a_stop_string_with_its_last():
    ids = encode("a→b")
    assert len(ids) == 5
    assert ended(ids, stop=("→",)) == (4, "a→", StopReason.STOP_STRING)


def test_the_end_token_is_in_the_ids_and_not_in_the_text():
    assert ended([*encode("42"), END_ID]) == (3, "42", StopReason.END_TOKEN)
    assert ended([END_ID]) == (1, "", StopReason.END_TOKEN)


def test_the_budget_comes_last():
    ids = encode("a>b")
    assert ended(ids, max_tokens=2) == (2, "a>", StopReason.LENGTH)
    assert ended(ids, max_tokens=2, stop=(">",)) == (2, "a>", StopReason.STOP_STRING)
    assert ended([*ids[:1], END_ID], max_tokens=2) == (2, "a", StopReason.END_TOKEN)
    assert ended(ids, max_tokens=9, budget=1) == (1, "a", StopReason.LENGTH)  # a full context, for instance
    assert ended(ids, max_tokens=4) is None


def test_a_character_that_the_budget_cuts_is_shown_as_such():
    assert ended(encode("a→"), max_tokens=2) == (2, "a\ufffd", StopReason.LENGTH)


def test_tokens_that_can_complete_a_stop_string():
    table = completing_ids(END_ID, ("</answer>", "\n\n"), decode)
    assert {decode([token]) for token, may in enumerate(table) if may} == {">", ">\n", "\n"}


@given(
    text=st.text(st.sampled_from("ans</>\n→é"), min_size=1, max_size=6), stop=st.sampled_from(["</", "→", "s>", "é"])
)
def test_no_token_that_completes_a_stop_string_is_missed(text, stop):
    table = completing_ids(END_ID, (stop,), decode)
    ids = encode(text)
    result = ended(ids, stop=(stop,))
    assert (result is not None) == (stop in text)
    if result is not None:
        assert table[ids[result[0] - 1]]
