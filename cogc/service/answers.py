"""Responses in JSON. An error is `{"detail": ...}`: a text, or a list of diagnostics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from cogc.language.values import plain


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response with a value of the language, or with JSON data."""
    return Response(msgspec.json.encode(plain(value)), status, headers, "application/json")


def refusal(status: int, detail: object, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response of a refused request. `detail` is a text for people, or JSON data."""
    return answer({"detail": detail}, status, headers)


def wrong(message: str, help: str = "", code: str = "COG401", slug: str = "wrong-type") -> dict[str, Any]:
    """Return a diagnostic of what a client sent, with the fields of `cogc check --format json`. It has no place in a file."""
    return {
        "code": code, "slug": slug, "severity": "error", "message": message, "path": "", "line": 1, "column": 1,
        "end_line": 1, "end_column": 1, "help": help, "related": [],
    }  # fmt: skip


Handler = Callable[[Request, Exception], Awaitable[Response]]


def application(
    routes: Sequence[BaseRoute], handlers: Mapping[type[Exception], Handler] | None = None, **options: Any
) -> Starlette:
    """Return an application whose errors are JSON. `handlers` make the answers of further exceptions, `options` are Starlette's."""
    known: dict[type[Exception], Handler] = {HTTPException: _refused, Exception: _failed, **(handlers or {})}
    return Starlette(routes=routes, exception_handlers=known, **options)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "there is no such route; /openapi.json lists them", 405: "the route has another method"}
    return refusal(error.status_code, words.get(error.status_code, error.detail), error.headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    return refusal(500, "a fault of cogc")
