"""The OpenAPI 3.1 document, made from the operations and the types of their answers. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from pipeline.api.operations import Operation
from pipeline.api.parameters import Parameter
from pipeline.api.problems import MEDIA_TYPE, Problem
from schemas.engagement import Engagement

_REF = "#/components/schemas/{name}"
_ID = "percent-encoded, also its slashes"
_PATH_SCHEMAS: dict[str, dict[str, Any]] = {
    "platform": {"type": "string", "pattern": "^[a-z0-9-]{1,32}$", "examples": ["facebook"]},
    "id": {"type": "string", "minLength": 1, "maxLength": 1024, "description": _ID},
}
_FAILURES = {
    "400": "A parameter is unknown or out of its range",
    "401": "A bearer token is needed, or the one given is unknown",
    "403": "The account is beyond the token",
    "404": "Nothing of it was ever counted",
    "414": "The URL is longer than any question",
    "429": "The token has its share of what is scarce; `Retry-After` says when to ask again",
    "503": "Redis or Kafka does not answer; `Retry-After` says when to ask again",
}


def openapi_document(
    operations: Sequence[Operation], stream_path: str, stream_parameters: Sequence[Parameter], *, tokens: bool
) -> dict[str, Any]:
    """The document; with `tokens`, every operation asks for one."""
    answers = [*{operation.answer for operation in operations}, Engagement, Problem]
    _, schemas = msgspec.json.schema_components(sorted(answers, key=lambda type_: type_.__name__), ref_template=_REF)
    paths = {operation.path: {"get": _operation(operation)} for operation in operations}
    paths[stream_path] = {"get": _stream(stream_parameters)}
    components: dict[str, Any] = {"schemas": {name: _tidy(schema) for name, schema in schemas.items()}}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Two-Way Street",
            "version": version("twoway"),
            "summary": "Live, exact comment-to-like ratios of brand accounts",
        },
        "paths": paths,
        "components": components,
    }
    if tokens:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _operation(operation: Operation) -> dict[str, Any]:
    in_path = [name for name in _PATH_SCHEMAS if f"{{{name}}}" in operation.path]
    # Lists, too, may be asked for a platform that nobody knows.
    names_one = in_path or any(parameter.name == "platform" for parameter in operation.parameters)
    absent = ({"404"} if not names_one else set[str]()) | ({"429"} if not operation.in_shares else set[str]())
    failures = _FAILURES.keys() - absent
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]} for name in in_path),
            *map(_parameter, operation.parameters),
        ],
        "responses": {
            "200": {
                "description": operation.summary,
                "content": {"application/json": {"schema": {"$ref": _REF.format(name=operation.answer.__name__)}}},
            },
            **_failures(failures),
        },
    }


def _stream(parameters: Sequence[Parameter]) -> dict[str, Any]:
    summary = "Updates of rows as server-sent events"
    return {
        "operationId": "streamUpdates",
        "summary": summary,
        "description": "Each event's `data` is an Engagement, its `id` the revision. Comments are heartbeats.",
        "parameters": [_parameter(parameter) for parameter in parameters],
        "responses": {
            "200": {
                "description": summary,
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **_failures({"400", "401", "403", "414", "429", "503"}),
        },
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {"name": parameter.name, "in": "query", "description": parameter.meaning, "schema": parameter.schema()}
    return described | ({"style": "form", "explode": True} if parameter.many else {})


def _failures(statuses: set[str]) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {status: {"description": _FAILURES[status], "content": content} for status in sorted(statuses)}


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Descriptions without the indentation of the source, and every property required: answers are always whole."""
    if "properties" not in schema:
        return schema
    whole = schema | {"required": list(schema["properties"])}
    if "description" in schema:
        whole["description"] = inspect.cleandoc(schema["description"])
    return whole
