"""JSON as strangers write it: what is mended, what is refused, and that neither takes long."""

from __future__ import annotations

import json

import pytest

from pipeline.errors import UnreadableError
from pipeline.sources.fields import MOST_DIGITS, MOST_VALUES, decode_json
from tests.yardstick import takes_less


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'"\ud800"', "\ufffd"),
        (rb'"\\ud800"', r"\ud800"),
        (rb'"\\\ud800"', "\\\ufffd"),
        (rb'"\ud83d\ude00\ud83d"', "😀\ufffd"),
        (rb'"\ud800\\ud800\udc00"', "\ufffd\\ud800\ufffd"),
        (rb'"\\ud83d\ude00 \udc00\udc00\ud83d\ude00\ud83d"', "\\ud83d\ufffd \ufffd\ufffd😀\ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_mended_and_an_escaped_backslash_is_none(body: bytes, expected: str) -> None:
    assert decode_json(body) == expected


@pytest.mark.parametrize("body", [b"[" * 600 + b"]" * 600, b"1],[2", b"1]" + b"[" * 500 + b"]" * 499])
def test_what_is_decoded_with_room_above_it_is_the_same(body: bytes) -> None:
    """Many brackets are decoded with more around them: neither does a value come out wrapped nor break out."""
    try:
        expected = json.loads(body)
    except ValueError:
        with pytest.raises(UnreadableError):
            decode_json(body)
    else:
        assert decode_json(body) == expected


def test_json_too_deep_to_be_kept_is_refused() -> None:
    with pytest.raises(UnreadableError) as refused:
        decode_json(b"[" * 970 + b"]" * 970)
    assert refused.value.reason == "too_deep"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"a":{"b":1},"c":3,"a":{"d":2}}', {"a": {"d": 2}, "c": 3}),
        (rb'{"a":1,"\u0061":2}', {"a": 2}),
    ],
)
def test_of_a_name_that_stands_twice_the_last_value_counts(body: bytes, expected: object) -> None:
    """However it is written: what Python's own reader and most others do."""
    assert decode_json(body) == json.loads(body) == expected


@pytest.mark.parametrize("shape", ["{},", "[],", '{"a":0},', '"",', "1e-323,", "[" * 30 + "]" * 30 + ","])
def test_more_values_than_anybody_sends_are_refused_before_they_are_made(shape: str) -> None:
    """Decoding them is one call, during which no other thread runs: refusing takes less than making them would."""
    body = f"[{shape * (4_000_000 // len(shape))}0]".encode()
    assert len(body) > 3_999_000

    def refused() -> None:
        with pytest.raises(UnreadableError) as error:
            decode_json(body)
        assert error.value.reason == "too_many_values"

    assert takes_less(refused, 1, lambda: json.loads(body))


def test_what_people_write_is_never_too_many_values() -> None:
    """The largest delivery, a thousand comments of nothing but commas, brackets, quotation marks and digits."""
    signs = json.dumps(r',[{"\"' * 250 + "\\" + "9" * 1_100 + '"' * 200)
    change = b'{"field":"feed","value":{"item":"comment","message":%s}}' % signs.encode()
    body = b'{"object":"page","entry":[{"id":"1","changes":[%s]}]}' % b",".join([change] * 1_000)
    assert 3_500_000 < len(body) < 4_000_000
    assert body.count(b",") + body.count(b"[") > 3 * MOST_VALUES / 2
    assert decode_json(body) == json.loads(body)


def test_numbers_of_thousands_of_digits_are_refused_in_a_large_body() -> None:
    """A megabyte of them takes as long as all the rest; in a text they are none."""
    many = b"[%s0]" % ((b"9" * (MOST_DIGITS + 1) + b",") * 1_000)
    with pytest.raises(UnreadableError) as refused:
        decode_json(many)
    assert refused.value.reason == "not_json"
    assert decode_json(b'{"text":"%s"}' % many) == {"text": many.decode()}
    assert decode_json(b"[%s0]" % ((b"9" * MOST_DIGITS + b",") * 1_000))[0] == 10**MOST_DIGITS - 1


@pytest.mark.parametrize(
    "written", ["0.1", "-0.0", "1e9", "1.7976931348623157e308", "5e-324", "1e-400", "0.1" + "0" * 99]
)
def test_numbers_are_what_they_say(written: str) -> None:
    """Read by code of our own, to the last bit."""
    assert repr(decode_json(written.encode())) == repr(json.loads(written))


def test_a_number_without_a_value_is_no_json() -> None:
    for written in (b"1e309", b"-1e400", b"[1.5e99999]"):
        with pytest.raises(UnreadableError):
            decode_json(written)
