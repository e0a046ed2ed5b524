"""Whatever an id holds, its keys keep their form: one hash tag, plain printable ASCII, and the id comes back."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.store.keys import Keys, decode_id, encode_id, reference, split_reference

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
KEYS = Keys()


@given(IDS)
@example("}:{0}:applied")
@example("a b\r\n\x1b[2J%7B")
def test_an_id_cannot_leave_its_place_in_a_key(hostile: str) -> None:
    for key in (
        KEYS.post(7, "facebook", hostile),
        KEYS.account(7, "facebook", hostile),
        KEYS.members(7, "facebook", hostile),
        KEYS.posts(7, "facebook", hostile),
    ):
        assert re.fullmatch(r"tw:\{7\}:[a-z]+:facebook:[!-~]+", key)
        assert key.count("{") == key.count("}") == 1


@given(IDS)
def test_an_id_comes_back_from_its_key(hostile: str) -> None:
    assert decode_id(encode_id(hostile)) == hostile
    assert split_reference(reference("post", "facebook", hostile)) == ("post", "facebook", hostile)


@given(IDS, IDS)
def test_two_ids_never_share_a_key(one: str, other: str) -> None:
    assert (encode_id(one) == encode_id(other)) == (one == other)
