"""The published JSON Schemas and the AsyncAPI document say what the code does."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from schemas.alert import decode_alert
from schemas.engagement import COLUMNS, decode_engagement
from schemas.erasure import decode_erasure
from schemas.examples import EXAMPLES
from schemas.interaction import decode_interaction
from schemas.publish import FOLDER, RECORDS, stale
from schemas.rejected import decode_rejected
from schemas.topics import TOPICS
from schemas.unanswered import decode_unanswered

DECODE = {
    "interaction": decode_interaction,
    "engagement": decode_engagement,
    "rejected": decode_rejected,
    "unanswered": decode_unanswered,
    "alert": decode_alert,
    "erasure": decode_erasure,
}

LIKE = {
    "platform": "x",
    "account": "42",
    "kind": "like",
    "action": "add",
    "post": "9",
    "id": "9/u",
    "time_ms": 1_763_890_000_000,
}
#: Records that break the schema, each in one way.
BROKEN: list[dict[str, Any]] = [
    {key: value for key, value in LIKE.items() if key != "id"},
    {key: value for key, value in LIKE.items() if key != "post"},
    {**LIKE, "post": None},
    {**LIKE, "kind": "poke"},
    {**LIKE, "platform": "X"},
    {**LIKE, "platform": "x\n"},
    {**LIKE, "time_ms": -1},
    {**LIKE, "time_ms": "now"},
    {**LIKE, "account": ""},
    {**LIKE, "account": "a" * 257},
    {**LIKE, "own": "yes"},
    {**LIKE, "likes": -1},
    {**LIKE, "kind": "totals"},
    {**LIKE, "kind": "totals", "likes": None},
    {**LIKE, "kind": "totals", "followers": 5},
    {**LIKE, "kind": "totals", "post": None},
    {**LIKE, "kind": "totals", "post": None, "likes": 5, "comments": 5, "shares": 5},
]


def validator(name: str) -> Draft202012Validator:
    """A validator of the file as it is published."""
    return Draft202012Validator(orjson.loads((FOLDER / "json" / f"{name}.json").read_bytes()))


def test_published_files_are_what_the_code_says() -> None:
    """`python -m schemas.publish` was run after the last change."""
    assert stale() == []


@pytest.mark.parametrize("name", RECORDS)
def test_schema_itself_is_valid(name: str) -> None:
    Draft202012Validator.check_schema(orjson.loads((FOLDER / "json" / f"{name}.json").read_bytes()))


@pytest.mark.parametrize("name", RECORDS)
def test_examples_validate_and_decode(name: str) -> None:
    for example in EXAMPLES[name]:
        validator(name).validate(example)
        record = DECODE[name](orjson.dumps(example))
        assert orjson.loads(msgspec.json.encode(record)) == example


def test_what_the_schema_allows_decodes() -> None:
    """Unknown fields are passed over by both; totals of an account carry no post; a number that counts is enough."""
    totals = {**LIKE, "kind": "totals"}
    numbers = [{**totals, name: 0} for name in ("likes", "comments", "shares")]
    numbers += [{**totals, "post": None, "followers": 0}, {**totals, "post": None, "followers": 0, "likes": 5}]
    numbers += [{**totals, "likes": 5, "followers": 5}, {**totals, "likes": 5, "action": "edit"}]
    for record in (LIKE, {**LIKE, "mood": 1}, {**LIKE, "account": "a" * 256}, *numbers):
        validator("interaction").validate(record)
        decode_interaction(orjson.dumps(record))


@pytest.mark.parametrize("record", BROKEN, ids=range(len(BROKEN)))
def test_what_the_schema_refuses_does_not_decode(record: dict[str, Any]) -> None:
    assert not validator("interaction").is_valid(record)
    with pytest.raises(msgspec.ValidationError):
        decode_interaction(orjson.dumps(record))


def test_every_topic_is_a_channel_with_its_record() -> None:
    document = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))
    carried = {channel["address"]: list(channel["messages"]) for channel in document["channels"].values()}
    assert carried == {
        "interactions": ["interaction"],
        "interactions.rejected": ["rejected"],
        "engagement.posts": ["engagement"],
        "engagement.accounts": ["engagement"],
        "engagement.unanswered": ["unanswered"],
        "engagement.alerts": ["alert"],
        "interactions.erased": ["erasure"],
    }
    assert set(carried) == {topic.name for topic in TOPICS}


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))
    references = list(references_in(document))
    assert len(references) >= 3 * len(TOPICS)
    for reference in references:
        file, _, path = reference.partition("#")
        target: Any = orjson.loads((FOLDER / file).read_bytes()) if file else document
        for part in path.split("/")[1:]:
            target = target[part]
        assert target


def test_columns_of_a_row_are_fields_of_the_aggregate_record() -> None:
    """The order in which a window's field lists them is published in the record's order."""
    fields = orjson.loads((FOLDER / "json" / "engagement.json").read_bytes())["properties"]
    assert tuple(name for name in fields if name in COLUMNS) == COLUMNS


def references_in(node: Any) -> Any:
    """Every `$ref` of a document."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
        for value in node.values():
            yield from references_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from references_in(value)
