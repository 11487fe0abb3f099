"""Several runs behind one server: the doors of each under its name, and the health, numbers and description of all.

A run knows nothing of the others. What is asked at `/NAME/...` goes to its own routes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from cogc import __version__
from cogc.service import metrics, openapi
from cogc.service.answers import answer, application, refusal
from cogc.service.doors import OPEN, Doors, Verifiers

RESERVED = ("healthz", "readyz", "metrics")
"""The names that are routes of the server itself."""
_REFERENCE = "#/components/schemas/"


def is_open(verifiers: Mapping[str, Verifiers], path: str) -> bool:
    """Return whether a path of the server needs no token."""
    parts = path.split("/", 2)
    if len(parts) == 3 and not parts[0] and parts[1] in verifiers:
        return verifiers[parts[1]].is_open(f"/{parts[2]}")
    return path in OPEN


class Mounts:
    """The doors of several runs by their names."""

    def __init__(self, doors: Mapping[str, Doors], has_token: bool) -> None:
        self.doors = doors
        self.has_token = has_token

    def application(self) -> Starlette:
        """Return the application of all routes."""
        made = {name: doors.application() for name, doors in self.doors.items()}

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            async with AsyncExitStack() as stack:
                for app in made.values():
                    await stack.enter_async_context(app.router.lifespan_context(app))
                yield

        own = [
            ("/", self.runs),
            ("/healthz", self.healthz),
            ("/readyz", self.readyz),
            ("/metrics", self.metrics),
            ("/openapi.json", self.openapi),
        ]
        routes = [Route(path, act, methods=["GET"]) for path, act in own]
        return application([*routes, *(Mount(f"/{name}", app=app) for name, app in made.items())], lifespan=lifespan)

    async def runs(self, _request: Request) -> Response:
        """`GET /`."""
        return answer({"runs": {name: doors.run for name, doors in self.doors.items()}})

    async def healthz(self, _request: Request) -> Response:
        """`GET /healthz`."""
        return answer({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """`GET /readyz`: the first of the runs that is not ready, if there is one."""
        for name, doors in self.doors.items():
            found = await doors.readyz(request)
            if found.status_code != 200:
                return refusal(503, f"the run `{name}` starts or stops", {"Retry-After": "1"})
        return answer({"status": "ready"})

    async def metrics(self, _request: Request) -> Response:
        """`GET /metrics`."""
        found = {name: doors.families() for name, doors in self.doors.items()}
        return metrics.response(metrics.together("spec", found))

    async def openapi(self, _request: Request) -> Response:
        """`GET /openapi.json`."""
        paths: dict[str, Any] = {}
        schemas: dict[str, Any] = {}
        described: dict[str, Any] = {}
        for name, doors in self.doors.items():
            described = openapi.describe(doors.session.kernel.unit, self.has_token)
            for path, methods in described["paths"].items():
                paths[f"/{name}{path}"] = {
                    method: {**_within(operation, name), "operationId": f"{name}_{operation['operationId']}"}
                    for method, operation in methods.items()
                }
            known = described["components"]["schemas"].items()
            schemas |= {f"{name}.{schema}": _within(value, name) for schema, value in known}
        info = {"title": ", ".join(self.doors), "version": __version__, "description": f"cogc {__version__}"}
        components = {**described["components"], "schemas": schemas}
        return answer({**described, "info": info, "paths": paths, "components": components})


def _within(value: Any, name: str) -> Any:
    """Return a part of a description whose references lead to the schemas of a run."""
    if isinstance(value, dict):
        return {
            k: f"{_REFERENCE}{name}.{v.removeprefix(_REFERENCE)}"
            if k == "$ref" and isinstance(v, str)
            else _within(v, name)
            for k, v in value.items()
        }
    return [_within(v, name) for v in value] if isinstance(value, list) else value
