"""Writes the published contract: JSON Schemas (2020-12) of the records and an AsyncAPI 3 document of the topics.

`python -m schemas.publish` writes the files, `--check` only says which differ from the code (exit 1). The code leads:
nobody edits these files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec
import yaml

from schemas.alert import Alert
from schemas.engagement import Engagement
from schemas.erasure import Erasure
from schemas.examples import EXAMPLES
from schemas.interaction import Interaction
from schemas.rejected import Rejected
from schemas.topics import ACCOUNTS, ALERTS, ERASED, INTERACTIONS, POSTS, REJECTED, TOPICS, UNANSWERED, Topic
from schemas.unanswered import Unanswered

FOLDER = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
#: Grows by one in its last part with every change that old readers understand, in its first with any other.
VERSION = "1.2.1"

RECORDS: dict[str, type[msgspec.Struct]] = {
    "interaction": Interaction,
    "engagement": Engagement,
    "unanswered": Unanswered,
    "alert": Alert,
    "rejected": Rejected,
    "erasure": Erasure,
}
#: Topic -> the record that it carries.
CARRIES = {
    INTERACTIONS.name: "interaction",
    REJECTED.name: "rejected",
    POSTS.name: "engagement",
    ACCOUNTS.name: "engagement",
    UNANSWERED.name: "unanswered",
    ALERTS.name: "alert",
    ERASED.name: "erasure",
}

_ABOUT_A_POST = {"required": ["post"], "properties": {"post": {"type": "string"}}}


def _has(number: str) -> dict[str, Any]:
    return {"required": [number], "properties": {number: {"type": "integer"}}}


#: What `Interaction.__post_init__` refuses besides the shape: only totals may be about no post, and then they are of an
#: account; without a number that counts they are none.
_POST_UNLESS_TOTALS = {
    "if": {"properties": {"kind": {"const": "totals"}}},
    "then": {
        "if": _ABOUT_A_POST,
        "then": {"anyOf": [_has(n) for n in ("likes", "comments", "shares")]},
        "else": _has("followers"),
    },
    "else": _ABOUT_A_POST,
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a record. Unknown fields are allowed: readers pass over them."""
    record = RECORDS[name]
    shape = msgspec.json.schema(record)["$defs"][record.__name__]
    shape["description"] = cleandoc(record.__doc__ or "")
    rules = _POST_UNLESS_TOTALS if record is Interaction else {}
    return {"$schema": DIALECT, "$id": f"urn:twoway:{name}:1", **shape, **rules, "examples": EXAMPLES[name]}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document: a channel a topic, its key, its settings and the record that it carries."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Two-Way Street",
            "version": VERSION,
            "description": "Interactions of audiences with brand accounts, and the live counts that come of them. "
            "A `topic_prefix` of an installation stands before every address.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {_channel(topic): _channel_of(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {"messages": {name: _message(name) for name in RECORDS}},
    }


def files() -> dict[Path, str]:
    """Every published file with its content."""
    out = {
        FOLDER / "json" / f"{name}.json": msgspec.json.format(msgspec.json.encode(json_schema(name)), indent=2).decode()
        + "\n"
        for name in RECORDS
    }
    text = yaml.safe_dump(asyncapi(), sort_keys=False, width=118, allow_unicode=True)
    out[FOLDER / "asyncapi.yaml"] = "# Written by `python -m schemas.publish`.\n" + text
    return out


def stale() -> list[Path]:
    """The published files that are missing or not what the code says."""
    return [path for path, text in files().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> None:
    """Write the files, or only check them."""
    parser = argparse.ArgumentParser(prog="python -m schemas.publish", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs from the code")
    check = parser.parse_args().check
    outdated = stale()
    for path in outdated:
        sys.stdout.write(f"{'differs' if check else 'written'}: {path.relative_to(FOLDER.parent)}\n")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(files()[path], encoding="utf-8")
    sys.exit(1 if check and outdated else 0)


def _channel(topic: Topic) -> str:
    """`engagement.posts` -> `engagementPosts`: a dot would have to be escaped in references."""
    first, *rest = topic.name.split(".")
    return first + "".join(part.capitalize() for part in rest)


def _channel_of(topic: Topic) -> dict[str, Any]:
    record = CARRIES[topic.name]
    return {
        "address": topic.name,
        "description": f"{topic.holds}. Record key: {topic.key}",
        "messages": {record: {"$ref": f"#/components/messages/{record}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "topicConfiguration": {name: _setting(name, value) for name, value in topic.config.items()},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _setting(name: str, value: str) -> list[str] | int | str:
    """A topic's setting as AsyncAPI has it."""
    if name == "cleanup.policy":
        return value.split(",")
    return int(value) if value.isdecimal() else value


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """What Two-Way Street itself does: it sends to every topic and reads the interactions, whoever sent them."""
    for topic in TOPICS:
        name = _channel(topic)
        yield f"send{name[0].upper()}{name[1:]}", {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
    name = _channel(INTERACTIONS)
    yield f"receive{name.capitalize()}", {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}


def _message(name: str) -> dict[str, Any]:
    keys = sorted({topic.key for topic in TOPICS if CARRIES[topic.name] == name and topic.key != "none"})
    message: dict[str, Any] = {
        "name": name,
        "summary": cleandoc(RECORDS[name].__doc__ or "").splitlines()[0],
        "contentType": "application/json",
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./json/{name}.json"}},
    }
    if keys:
        key = {"type": "string", "description": " or ".join(keys)}
        message["bindings"] = {"kafka": {"key": key, "bindingVersion": "0.5.0"}}
    return message


if __name__ == "__main__":
    main()
