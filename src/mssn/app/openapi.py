"""The description of the interface, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from mssn.app.asked import OPTIONS, Option
from mssn.app.replies import TYPES
from mssn.version import __version__

_KINDS = {"text": "string", "number": "number", "whole": "integer", "flag": "boolean"}
_ERROR = {"$ref": "#/components/schemas/Error"}
_JOB = {"$ref": "#/components/schemas/Job"}
_OBJECT = {"type": "object"}
_BINARY = {"type": "string", "format": "binary"}
_BYTES = {"application/octet-stream": {"schema": _BINARY}}
_FILE = {"required": True, "content": _BYTES}
_RESULT = {
    "description": "The file.",
    "headers": {
        "Content-Disposition": {"description": "Its name.", "schema": {"type": "string"}},
        "Mssn-Result": {
            "description": "What there is to tell of it, as JSON.",
            "schema": {"type": "string", "contentMediaType": "application/json"},
        },
    },
    "content": {kind: {"schema": _BINARY} for kind in sorted({*TYPES.values(), *_BYTES})},
}
_SOURCE = {"description": "The upload.", "content": _BYTES}
_EVENTS = {
    "description": "progress, then done or failed; each with a job as its data.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
_WHY = {
    "400": "An option makes no sense.",
    "401": "Neither the cookie nor the token.",
    "403": "From another site.",
    "404": "There is no such job.",
    "408": "The upload takes too long.",
    "409": "Cancelled, or not done yet.",
    "413": "Too many bytes or pixels, before or after.",
    "415": "No picture and no film, or of an unknown kind.",
    "422": "It cannot be read to its end, or takes too long.",
    "503": "The queue is full, or the app is ending; Retry-After tells when to ask again.",
    "507": "The disk is full.",
}


def description() -> dict[str, Any]:
    """The whole of it."""
    upload = ("400", "401", "403", "408", "413", "415", "503", "507")
    options = [_parameter(name, option) for name, option in OPTIONS.items()]
    client = _parameter("client", Option("text", "Whose jobs; up to 64 letters, digits, - and _."))
    of_job = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    listed = {"type": "array", "items": _JOB}
    paths = {
        "/health": {"get": _does("Whether it answers.", {"200": _json("It does.", _OBJECT)})},
        "/openapi.json": {"get": _does("This description.", {"200": _json("It.", _OBJECT)})},
        "/api/models": {"get": _does("Models, formats, limits.", {"200": _json("They.", _OBJECT)})},
        "/api/upscale": {
            "post": _does("Enlarge a file.", {"200": _RESULT}, (*upload, "409", "422"), options)
            | {"requestBody": _FILE}
        },
        "/api/jobs": {
            "get": _does("All jobs.", {"200": _json("They.", listed)}, parameters=[client]),
            "post": _does(
                "Let a file wait for its turn. Jobs that nobody asks for end after a minute.",
                {"202": _json("Its job.", _JOB)},
                upload,
                [*options, client],
            )
            | {"requestBody": _FILE},
        },
        "/api/jobs/{id}": {
            "get": _does("How a job stands.", {"200": _json("The job.", _JOB)}, ("404",), of_job),
            "delete": _does("Cancel it, or forget it.", {"204": {"description": "Gone."}}, ("404",), of_job),
        },
        "/api/jobs/{id}/events": {"get": _does("How it goes on.", {"200": _EVENTS}, ("404",), of_job)},
        "/api/jobs/{id}/result": {
            "get": _does("What it made.", {"200": _RESULT}, ("404", "409", "413", "422"), of_job)
        },
        "/api/jobs/{id}/source": {
            "get": _does("What it is made from.", {"200": _SOURCE}, ("404", "409"), of_job)
        },
        "/api/events": {"get": _does("How a client's jobs go on.", {"200": _EVENTS}, ("400",), [client])},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "mssn app", "version": __version__, "description": "Enlarge pictures and films."},
        "security": [{"token": []}, {"cookie": []}],
        "paths": paths,
        "components": {"securitySchemes": _SCHEMES, "schemas": _SCHEMAS},
    }


def _parameter(name: str, option: Option) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _KINDS[option.kind]}
    if option.choices:
        schema["enum"] = list(option.choices)
    schema.update(option.bounds)
    return {"name": name, "in": "query", "description": option.text, "schema": schema}


def _does(
    summary: str,
    good: dict[str, Any],
    bad: tuple[str, ...] = (),
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    refused = {status: _json(_WHY[status], _ERROR) for status in sorted({*bad, "401", "403"})}
    more = {"parameters": parameters} if parameters else {}
    return {"summary": summary, "responses": good | refused, **more}


def _json(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


_SIZE = {
    "type": "object",
    "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
}
_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "mssn app prints it."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "mssn-PORT", "description": "Of the page."},
}
_SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "required": ["code", "error"],
        "properties": {"code": _TEXT, "error": _TEXT},
    },
    "Job": {
        "type": "object",
        "required": ["id", "name", "state", "progress", "options"],
        "properties": {
            "id": _TEXT,
            "name": _TEXT,
            "state": {"enum": ["receiving", "waiting", "running", "done", "failed", "cancelled"]},
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
            "options": {"type": "object", "additionalProperties": _TEXT},
            "code": _TEXT,
            "error": _TEXT,
            "result": {
                "type": "object",
                "properties": {
                    "name": _TEXT,
                    "before": _SIZE,
                    "after": _SIZE,
                    "model": _TEXT,
                    "strength": {"type": ["number", "null"]},
                    "seconds": _NUMBER,
                    "bytes": {"type": "integer"},
                    "notes": {"type": "array", "items": _TEXT},
                },
            },
        },
    },
}
