"""MCP servers: started when one of their tools is first called, and ended with the run, with everything they started.

The client of each server lives in a task of its own in the run's nursery, since it must be left in the task that
entered it. A server that dies fails the calls under way, and the next call starts it again. `mcp` is an extra,
imported at the first call.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, TypeAlias

import trio

from cogc import ir
from cogc.disk.state_folder import OwnFiles
from cogc.kernel.models.replies import whole
from cogc.kernel.permissions import Sandbox
from cogc.kernel.unit import Unit
from cogc.language.values import Duration, Failure, Media, plain
from cogc.run import mcp_tasks
from cogc.run.background import Background
from cogc.run.contexts import Contexts
from cogc.run.convert import from_python
from cogc.run.elicitation import Caller, address, form
from cogc.run.json_text import read_words
from cogc.run.mcp_transport import mended, quiet
from cogc.run.media import decoded
from cogc.run.process import held
from cogc.run.sandbox import ENVIRONMENT, carried, wrapped
from cogc.run.secrets import own_environment, secret

if TYPE_CHECKING:
    from cogc.language.values import Value
    from cogc.run.tool_schemas import ToolSchemas

_START = 30.0
"""Seconds in which a server must answer after its start, unless its `timeout` says otherwise."""
_MOST_PAGES = 1_000
_CALL_ID = "cogc/call_id"
"""The key, in `_meta` of a call, of its id."""


class _Forgotten(Exception):
    """A server does not know its client any more: it was started again."""


class _Link:
    """A server that runs: its client, the event that ends it, and the tools that were left out, with the reasons.

    `schemas` are those of its tools, once they are known, `until` the instant at which they are to be listed again. `callers` are the
    calls under way. `ended` says that nothing comes from the server any more.
    """

    def __init__(self, client: Any, left_out: dict[str, str], callers: list[Caller]) -> None:
        self.client = client
        self.left_out = left_out
        self.over = trio.Event()
        self.ended = False
        self.schemas: dict[str, ToolSchemas] | None = None
        self.until = float("inf")
        self.as_tasks: set[str] = set()
        self.callers = callers

    @contextmanager
    def serving(self, caller: Caller | None) -> Iterator[None]:
        """Let a call be under way: the server may ask a person in its name."""
        if caller is None:
            yield
            return
        token = _CALLER.set(caller)
        self.callers.append(caller)
        try:
            yield
        finally:
            self.callers.remove(caller)
            _CALLER.reset(token)


_CALLER: ContextVar[Caller | None] = ContextVar("_CALLER", default=None)
"""The call in whose task a question of a server comes; older protocols leave open which call it belongs to."""


Key: TypeAlias = tuple[Unit, str]
"""A server: a unit, and the key of the server in it."""


class Tools(NamedTuple):
    """The tools of a server by name, and those that are left out, with the reasons."""

    usable: dict[str, dict[str, Any]]
    left_out: dict[str, str]


class Servers:
    """The MCP servers of one run."""

    def __init__(
        self,
        workspace: str,
        background: Background,
        sandboxed: bool = True,
        kept: OwnFiles | None = None,
        note: Callable[[int, dict[str, Any]], None] = lambda call, event: None,
        contexts: Contexts | None = None,
    ) -> None:
        self.contexts = contexts or Contexts()
        self.workspace = workspace
        self.note = note
        self.sandboxed = sandboxed
        self.kept = kept or OwnFiles()
        self.background = background
        self.links: dict[Key, _Link] = {}
        self.starting: defaultdict[Key, trio.Lock] = defaultdict(trio.Lock)

    async def call(self, key: Key, tool: str, arguments: dict[str, Any], id: str, caller: Caller | None = None) -> Any:
        """Call a tool. Return its structured content, or the text of its answer. Raise Failure if the tool reports
        an error. `id` is that of the call; `caller` may be asked by the server."""
        link = await self._link(key)
        try:
            with link.serving(caller):
                return await self._call(key, link, tool, arguments, id, caller)
        except _Forgotten:  # it has not begun the call
            self._drop(key, link)
        link = await self._link(key)
        try:
            with link.serving(caller):
                return await self._call(key, link, tool, arguments, id, caller)
        except _Forgotten as forgotten:
            self._drop(key, link)
            raise Failure("program", f"the MCP server `{_declared(key).name}`: {forgotten}") from None

    async def _call(
        self, key: Key, link: _Link, tool: str, arguments: dict[str, Any], id: str, caller: Caller | None
    ) -> Any:
        """Call a tool of a server that runs."""
        from mcp import MCPError  # behind the link, which says so if it is not installed

        name, limit = _declared(key).name, _seconds(key)
        try:
            with trio.fail_after(float("inf") if limit is None else limit) as scope:
                if caller is not None:
                    caller.scopes.append(scope)
                known = (await self._schemas(key, link)).get(tool)
                given, wrong = known.fitting(plain(arguments)) if known is not None else (plain(arguments), "")
                if wrong:
                    raise Failure("type", f"the input of `{name}.{tool}` does not fit its schema: {wrong}")
                meta = {_CALL_ID: id, **({} if caller is None else self.contexts.meta(caller.call))}
                if caller is not None and (tool in link.as_tasks or caller.handle):
                    result = await mcp_tasks.run(
                        link.client, tool, given, meta, caller.handle, partial(self._note, caller)
                    )
                else:
                    result = await link.client.call_tool(tool, given, meta=meta)
        except trio.TooSlowError:
            raise Failure(
                "timeout", f"`{name}.{tool}` took longer than {limit:g}s, the `timeout` of its server"
            ) from None
        except MCPError as error:
            if "session terminated" in str(error).lower():
                raise _Forgotten(str(error)) from None
            if "closed" in str(error).lower():
                self._drop(key, link)
            raise Failure("program", f"the MCP server `{name}`: {error}") from None
        except ValueError as error:  # of pydantic: the answer breaks the protocol
            first = str(error).splitlines()[0]
            raise Failure("program", f"the MCP server `{name}` breaks the protocol: {first}") from None
        return _value_of(result, f"{name}.{tool}", known)

    def _note(self, caller: Caller, handle: str) -> None:
        """Have the journal keep the handle of a task."""
        self.note(caller.call, {"event": "task", "handle": handle})

    async def tools(self, key: Key) -> Tools:
        """Return the tools of a server. Raise Failure if it does not give them."""
        link = await self._link(key)
        try:
            with trio.fail_after(_seconds(key) or _START):
                return Tools(await self._tools(link), link.left_out)
        except trio.TooSlowError:
            raise Failure("timeout", f"the MCP server `{_declared(key).name}` did not list its tools in time") from None
        except Failure:
            raise
        except Exception as error:  # of the SDK, its transport or pydantic: the server does not speak the protocol
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Failure("program", f"the MCP server `{_declared(key).name}` cannot list its tools: {why}") from None

    async def _schemas(self, key: Key, link: _Link) -> dict[str, ToolSchemas]:
        """Return the schemas of a server's tools: asked for at the first call, and again when the server says that they have changed,
        or when the time is over for which they hold. A server that cannot list its tools may still be called."""
        if link.schemas is None or trio.current_time() >= link.until:
            from mcp import MCPError

            from cogc.run.tool_schemas import ToolSchemas  # whose library takes a while to import

            found: dict[str, dict[str, Any]] = {}
            with suppress(MCPError, ValueError, Failure):
                found = await self._tools(link)
                for line in departures(key[0].bundle, key[1], found):
                    sys.stderr.write(f"cogc: mcp: {line}\n")
            link.schemas = {name: ToolSchemas(t["input"], t.get("output")) for name, t in found.items()}
        return link.schemas

    async def _tools(self, link: _Link) -> dict[str, dict[str, Any]]:
        """Return the tools of all pages by name, with their descriptions and the schemas of input and output."""
        found: dict[str, dict[str, Any]] = {}
        cursors: set[str] = set()
        cursor = None
        link.until, began = float("inf"), trio.current_time()
        link.as_tasks.clear()
        while True:
            page = await link.client.list_tools(cursor=cursor)
            if page.ttl_ms:
                link.until = min(link.until, began + page.ttl_ms / 1000)
            link.as_tasks |= {t.name for t in page.tools if mcp_tasks.takes_tasks(link.client, t)}
            for tool in page.tools:
                found[tool.name] = {
                    "description": tool.description or "",
                    "input": tool.input_schema,
                    **({"output": tool.output_schema} if tool.output_schema else {}),
                }
            cursor = page.next_cursor
            if not cursor:
                return found
            if cursor in cursors or len(cursors) >= _MOST_PAGES:
                raise Failure("program", "its list of tools has no end: the cursor does not move")
            cursors.add(cursor)

    async def _link(self, key: Key) -> _Link:
        """Return the running server, started if it is not there. Raise Failure if it cannot be started."""
        async with self.starting[key]:
            known = self.links.get(key)
            if known is not None and known.ended:  # it has died since its last call
                self._drop(key, known)
            if key not in self.links:
                name = _declared(key).name
                try:
                    with trio.fail_after(_seconds(key) or _START):
                        self.links[key] = await self.background.hold(self._serve, key)
                except trio.TooSlowError:
                    raise Failure(
                        "timeout", f"the MCP server `{name}` did not answer within {_seconds(key) or _START:g}s"
                    ) from None
                except Failure as failure:
                    raise Failure("program", f"the MCP server `{name}` cannot be used: {failure.message}") from None
            return self.links[key]

    def _drop(self, key: Key, link: _Link) -> None:
        """Forget a server that has died, so that the next call starts it again."""
        if self.links.get(key) is link:
            del self.links[key]
        link.over.set()

    async def _serve(self, key: Key, task_status: trio.TaskStatus[_Link] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the client of a server until the server is dropped or the run ends."""
        link = None
        left_out: dict[str, str] = {}
        callers: list[Caller] = []

        def ended() -> None:
            if link is not None:
                link.ended = True

        async def heard(message: Any) -> None:
            if link is not None and type(message).__name__ == "ToolListChangedNotification":
                link.until = 0.0

        with tempfile.TemporaryFile(
            "w+", errors="replace"
        ) as said:  # what a server says on stderr is for its own people
            try:
                hooks = {"elicitation_callback": partial(_elicited, callers), "message_handler": heard}
                async with self._client(key, said, left_out, ended, hooks) as client:
                    client.session.validate_tool_result = _as_it_is  # `call` does it, and knows the tools of all pages
                    link = _Link(client, left_out, callers)
                    task_status.started(link)
                    await link.over.wait()
            except Failure:
                raise
            except Exception as error:
                if link is None:  # it never came up: whoever called hears of it, and what it said last
                    raise Failure("program", f"{_reason(error)}{_last_line(said)}") from None
                self._drop(key, link)

    @asynccontextmanager
    async def _client(
        self, key: Key, said: TextIO, left_out: dict[str, str], ended: Callable[[], object], hooks: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """Yield a client that is connected to a server. `left_out` gets the tools that cannot be used, `ended` is called when the server
        says nothing more, `hooks` hear what it says by itself."""
        try:
            import httpx2
            from mcp import Client
            from mcp.client.stdio import StdioServerParameters, stdio_client
            from mcp.client.streamable_http import streamable_http_client
        except ImportError:
            raise Failure("program", "MCP servers need the extra `mcp`: pip install 'cogc[mcp]'") from None
        quiet()
        unit, server = key[0], _declared(key)
        argument = unit.evaluate(server.argument)
        attributes = {k: unit.evaluate(e) for k, e in server.attributes.items()}
        if server.transport == "http":
            headers = {k: secret(v) for k, v in attributes.get("headers", {}).items()}
            async with (
                httpx2.AsyncClient(
                    headers=headers, follow_redirects=True, timeout=httpx2.Timeout(30, read=300)
                ) as http,
                Client(
                    mended(streamable_http_client(str(argument), http_client=http), left_out, ended), **hooks
                ) as client,
            ):
                yield client
            return
        env = own_environment(attributes.get("env"))
        cwd = os.path.join(self.workspace, attributes.get("cwd", ""))
        if attributes.get("sandbox", "none") != "none" and self.sandboxed:
            words, env = carried(argument, env)
            whole, env = self._wrapped(server, words, attributes, cwd), {**ENVIRONMENT, **env}
        else:
            whole = argument
        if shutil.which(whole[0]):  # else its start names the missing program
            whole = held(whole)
        parameters = StdioServerParameters(
            command=whole[0], args=whole[1:], env=env, cwd=cwd or None, encoding_error_handler="replace"
        )
        async with Client(mended(stdio_client(parameters, errlog=said), left_out, ended), **hooks) as client:
            yield client

    def _wrapped(self, server: ir.Server, words: list[str], attributes: dict[str, Any], cwd: str) -> list[str]:
        """Return the command of a server, wrapped in a sandbox."""
        sandbox = Sandbox.of(attributes)
        return wrapped(words, sandbox, os.path.realpath(self.workspace), os.path.realpath(cwd), server.name, self.kept)


async def _elicited(callers: list[Caller], context: Any, params: Any) -> Any:
    """Answer a question of a server: a person of the run is asked."""
    from mcp import types

    caller = _CALLER.get() or (callers[-1] if callers else None)
    if caller is None:
        return types.ErrorData(code=types.INVALID_REQUEST, message="no call of a tool is under way")
    try:
        if params.mode == "url":
            done = await address(caller, params.message, params.url)
            return types.ElicitResult(action=done.action)
        schema = params.requested_schema
        done = await form(
            caller,
            params.message,
            schema if isinstance(schema, dict) else schema.model_dump(by_alias=True, exclude_none=True),
        )
        return types.ElicitResult(action=done.action, content=done.content)
    except Failure as failure:
        return types.ErrorData(code=types.INTERNAL_ERROR, message=failure.message)


def departures(bundle: ir.Bundle, server: str, found: dict[str, dict[str, Any]]) -> list[str]:
    """Return what the tools of a server have that the lock file does not know: for tools that the program uses, one line each."""
    lines = []
    name = bundle.servers[server].name
    for program in bundle.programs.values():
        if program.kind != "mcp" or program.server != server:
            continue
        tool = found.get(str(program.argument))
        if tool is None:
            lines.append(f"`{name}` has no tool `{program.argument}` any more")
        elif program.schema is not None and program.schema != tool["input"]:
            lines.append(f"the tool `{name}.{program.argument}` takes another input than cogc.lock.json says")
    return [f"{line}; `cogc check --online` brings the lock file up to date" for line in lines]


async def _as_it_is(name: str, result: Any) -> None:
    """Accept a result without a check."""


def _declared(key: Key) -> ir.Server:
    unit, name = key
    return unit.bundle.servers[name]


def _seconds(key: Key) -> float | None:
    """Return the `timeout` of a server in seconds: the bound of its start and of each of its calls. None if it has none."""
    wanted = _declared(key).attributes.get("timeout")
    value = None if wanted is None else key[0].evaluate(wanted)
    return value.nanos / 1e9 if isinstance(value, Duration) else None


def _value_of(result: Any, tool: str, schemas: ToolSchemas | None) -> Any:
    """Return the value of a tool's result: what is structured in it, else its parts. Raise Failure for an error, or one that does not fit."""
    parts = [whole(p) if isinstance(p, str) else p for block in result.content if (p := _part(block))]
    said = "\n".join(map(str, parts))
    shown = [part for part in parts if isinstance(part, Media)]
    if result.is_error:
        raise Failure("program", f"`{tool}`: {said or 'it failed'}")
    if result.structured_content is None:
        return parts if shown else said
    structured = _finite(whole(result.structured_content))
    wrong = schemas.misfit(structured) if schemas is not None else ""
    if wrong:
        raise Failure("program", f"the result of `{tool}` does not fit the server's own schema: {wrong}")
    value = _unwrapped(structured)
    return [json.dumps(value, ensure_ascii=False), *shown] if shown else value


def _part(block: Any) -> str | Media:
    """Return a block of a result: a text, an image or a document. What is neither is named, so that whoever asked knows of it."""
    match block.type:
        case "text":
            return str(block.text)
        case "resource":
            return _resource(block.resource)
        case "resource_link":
            return f"[resource {block.uri}: {block.name}]"
        case "image":
            return _shown("image", block.data, block.mime_type, "")
        case "audio":
            return f"[audio {block.mime_type}, {len(block.data) * 3 // 4} bytes: not shown]"
    return f"[{block.type}: not shown]"


def _resource(inside: Any) -> str | Media:
    """Return an embedded resource: its text, or an image or document if models take its type."""
    said, data = getattr(inside, "text", None), getattr(inside, "blob", None)
    if isinstance(said, str):
        return said
    if isinstance(data, str) and inside.mime_type:
        return _shown("resource", data, inside.mime_type, str(inside.uri))
    return f"[resource {inside.uri}, {inside.mime_type or 'of an unknown type'}: not shown]"


def _shown(what: str, data: str, media_type: str, name: str) -> str | Media:
    """Return an image or document, or its name with the reason why it is not shown."""
    try:
        return decoded(data, media_type, name)
    except Failure as failure:
        named = f"{what} {name}".rstrip() + f", {media_type}"
        return f"[{named}, {len(data) * 3 // 4} bytes: not shown, {failure.message}]"


def _finite(value: Any) -> Any:
    """Return a structured result with null for numbers that JSON does not have: many servers write NaN for what is missing."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list) else value


def _unwrapped(content: Any) -> Any:
    """Return a structured result. MCP puts a result that is not an object inside of one."""
    return content["result"] if isinstance(content, dict) and set(content) == {"result"} else content


def _reason(error: BaseException) -> str:
    """Return the reason of an error, or of the first error of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, OSError) and error.strerror:
        return f"`{error.filename}`: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    return str(error) or type(error).__name__


def _last_line(said: TextIO) -> str:
    """Return the end of a message with the last line that a server wrote to stderr."""
    said.seek(0)
    lines = [line.strip() for line in said.read()[-4000:].splitlines() if line.strip()]
    return f"; it said: {lines[-1][:200]}" if lines else ""


def read_result(value: Any, wanted: object, name: str) -> Value:
    """Return the result of a tool for a type: as text where text is wanted, an image or document where one is wanted, else as the
    value that its JSON stands for; `name` stands for it in messages."""
    if isinstance(value, list) and any(isinstance(part, Media) for part in value):
        shown = [part for part in value if isinstance(part, Media)]
        if wanted == "string":
            value = "\n".join(map(str, value))
        elif len(shown) == 1 and shown[0].kind == wanted:
            value = shown[0]
    elif wanted == "string":
        value = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    elif isinstance(value, str):
        return read_words(value, name)
    return from_python(value, name)
