"""The OpenAPI 3.1 document, made from the URL map and the shapes."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from cimaise.web.lines import Line, Permission

_NO_NAME: Final = re.compile("[^A-Za-z0-9]+")
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_PROBLEM: Final = {
    "type": "object",
    "required": ["error", "code", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "A name for programs."},
        "request_id": {"type": "string"},
        "field": {"type": "string", "description": "The field that is refused."},
        "limit": {
            "type": "object",
            "required": ["name", "value"],
            "properties": {
                "name": {"type": "string"},
                "value": {"type": "integer"},
                "actual": {"type": "integer"},
            },
        },
    },
}


def document(lines: Sequence[Line], *, version: str, server: str) -> dict[str, Any]:
    """The whole document.

    Args:
        lines: Routes, in the order they are shown.
        version: Of the software.
        server: Base URL.
    """
    bodies = [line.body for line in lines if line.body is not None]
    schemas, components = msgspec.json.schema_components(
        bodies, ref_template="#/components/schemas/{name}"
    )
    names = {body: schema["$ref"] for body, schema in zip(bodies, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for line in lines:
        paths.setdefault(line.path, {})[line.method.lower()] = _operation(line, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cimaise",
            "version": version,
            "summary": "A self-hosted media server.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": components | {"Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "cimaise_session"},
            },
        },
    }


def _operation(line: Line, names: dict[Any, str]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": line.method.lower() + _NO_NAME.sub("_", re.sub("[{}]", "", line.path)),
        "summary": line.summary,
        "tags": [line.tag],
        "responses": {
            str(line.status): {"description": "Done."},
            "4XX": _problem("The request is refused."),
            "5XX": _problem("The server, or another one behind it, failed."),
        },
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(line.path)
    ]
    if parameters:
        operation["parameters"] = parameters
    if line.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": names[line.body]}}},
        }
    if line.permission is not Permission.PUBLIC:
        operation["security"] = [{"bearer": []}, {"session": []}]
    return operation


def _problem(description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}
