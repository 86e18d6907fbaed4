"""`/docs`: the API for people, as plain HTML made from its OpenAPI document; nothing is loaded from elsewhere."""

from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_METHODS = ("get", "post", "patch", "delete")


@router.get("/docs", response_class=HTMLResponse)
def docs(request: Request) -> HTMLResponse:
    """The handbook."""
    return HTMLResponse(handbook(request.app.openapi()))


def handbook(api: dict[str, Any]) -> str:
    """Return the page about an OpenAPI document."""
    title = escape(f"{api['info']['title']} {api['info']['version']}")
    parts = "".join(_operation(api, *one) for one in _operations(api))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">'
        f"<main><h1>{title}</h1><p>{escape(api['info']['description'])}</p>"
        f'<p><a href="/openapi.json">openapi.json</a> says the same to programs.</p>{parts}</main></html>'
    )


def _operations(api: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in api["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield method, path, methods[method]


def _operation(api: dict[str, Any], method: str, path: str, about: dict[str, Any]) -> str:
    parameters = [(one["name"], one["schema"], one.get("description", "")) for one in about.get("parameters", [])]
    rows = [*parameters, *_fields(api, about)]
    table = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(_kind(schema))}<td>{escape(text)}"
        for name, schema, text in rows
    )
    answers = ", ".join(f"{status} {escape(one['description'])}" for status, one in about["responses"].items())
    return (
        f"<section><h2>{method.upper()} <code>{escape(path)}</code></h2><p>{escape(about.get('description', ''))}</p>"
        f"{f'<table>{table}</table>' if table else ''}<p>Answers: {answers}</p></section>"
    )


def _fields(api: dict[str, Any], about: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The fields of a body."""
    content = about.get("requestBody", {}).get("content", {}).get("application/json")
    if content:
        model = api["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]]
        for name, schema in model["properties"].items():
            yield name, schema, schema.get("description", "")


def _kind(schema: dict[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}, …"
    bounds = [f"{sign} {schema[name]:g}" for name, sign in _BOUNDS if name in schema]
    return " ".join([schema.get("type", ""), *bounds]).strip()


_BOUNDS = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"))
