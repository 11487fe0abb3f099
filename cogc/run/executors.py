"""Programs carried out: one call of a program in, its value or a Failure out.

The model
    The kernel leaves a `Call` among its effects when a reaction calls a program. The session makes a task of it, and
    the task ends in `Executors.execute`. The call has everything that depends on the language: arguments, the words of
    a command, the timeout, all evaluated. What depends on the world is found here: modules, folders, the environment,
    secrets. A secret is looked up at the last moment (`run/secrets.py`) and goes to the program alone, so that neither
    the kernel nor trace nor journal sees it.

    kind         carried out by                                                        timeout without an own one
    python       a function of the spec's folder: async on the run's thread,           60 s
                 else in a thread of its own
    shell        a process (`process.py`), in a sandbox for an agent that has one      60 s
    mcp          a tool of an MCP server (`servers.py`)                                60 s
    coglet       a method of a coglet in Python (`coglets.py`)                         none
    queue        an operation on a queue of values (`claims.py`)                       none
    file         an image or document of the workspace (`media.py`)                        60 s
    plan store   an operation on the stored plans (`plans.py`)                         none
    human        a question to a person (`people.py`)                                  the session counts it, on the
                                                                                       clock of the run

    Requests to models do not come here: they are effects of another kind (`models.py`). `expr` programs run in the
    kernel.

The order of events in one call
    1. The timeout of the call begins. Waiting for a place to start a process, for a module to be imported or for a
       server to start counts.
    2. Arguments are copied into values of Python (`run/convert.py`).
    3. The program runs. What it prints is noted as its own (`calling.speaking`).
    4. The result is copied into a value of the language. A value that the language cannot hold is a Failure.
    5. The session gives value or Failure to the kernel, which checks the value against the declared type.

Invariants
    `execute` returns a Failure for everything that goes wrong with a program: an exception, a bad value, an exit code,
    a missing tool. An exception that leaves it is a bug of cogc, or the cancellation of the call.
    Whatever leaves a user's code, SystemExit and KeyboardInterrupt included, fails its one call and nothing else.
    `calling.left` tells the cancellation of the call apart from a Cancelled that the user's code has raised by itself.
    A cancelled call leaves nothing that runs, with two exceptions. Python cannot end a thread: such a thread is
    abandoned, its result is dropped, and `abandoned` names its program in the report of the run. Code on Trio may take its
    cancellation and go on: it is left behind in the same way (`detached.py`).
    A module of the spec is imported once, under a name that depends on its path, so that specs in different folders may
    have modules of one name. A `shell` program with `reload: true` forgets the modules below its folder.

A worked example: `program lint(file: string) -> string = shell ["ruff", "check", file] { timeout: 10s }`
    kernel     evaluates the words: ["ruff", "check", "a.py"]; effect Call(1)
    session    starts a task: `execute(call)`
    `_shell`   the folder is the workspace; the environment is that of cogc; `run_process` starts ruff
    ruff       ends with code 1: Failure("program", "`ruff` ended with code 1: ...")
    session    hands the Failure in as the result of call 1; the reaction fails, unless a `try ... else` takes it
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, assert_never

import trio

from cogc import ir
from cogc.disk import resources
from cogc.disk.state_folder import inside
from cogc.kernel.effects import Call
from cogc.kernel.unit import Unit
from cogc.language.functions import text
from cogc.language.texts import OUTCOMES, REPORT
from cogc.language.values import Duration, Failure, kind_of
from cogc.run import calling, marked, pinned, upstream, watch
from cogc.run.calling import OnTrio, is_refusal, left, speaking
from cogc.run.claims import Claims, files_of
from cogc.run.coglets import Coglets
from cogc.run.convert import from_python, to_python
from cogc.run.detached import Detached
from cogc.run.disk import spared
from cogc.run.elicitation import Caller
from cogc.run.git import TRUSTING, is_ours, sealed
from cogc.run.json_text import parse, read_words
from cogc.run.media import read_file
from cogc.run.people import Question
from cogc.run.plans import Plans
from cogc.run.process import run_process
from cogc.run.same_words import same_words
from cogc.run.sandbox import carried, environment_of, wrapped
from cogc.run.secrets import environment, own_environment
from cogc.run.servers import Servers, read_result
from cogc.run.settings import Settings

if TYPE_CHECKING:
    from cogc.kernel.objects import Instance
    from cogc.language.values import Function, Value

DEFAULT_TIMEOUT = 60.0
"""Seconds that a call may take if its program declares no timeout."""
THREADS = 40
"""How many calls of plain functions may be under way at once."""
MOST_ABANDONED = 64
"""How many threads may go on behind the calls that have left them."""
_LIBRARY = os.path.dirname(os.path.realpath(os.__file__))
"""The folder of the modules of Python itself."""
CALL_ID = "call_id"
"""The parameter of a Python function that takes the id of its call."""


def time_of(call: Call) -> float:
    """Return the seconds that a call may take; they may be infinite."""
    limit = call.request.get("timeout")
    if isinstance(limit, Duration):
        return limit.nanos / 1e9
    return float("inf") if call.program.kind in ("human", "coglet", "queue", "plan store") else DEFAULT_TIMEOUT


def late(call: Call, more: str = "") -> Failure:
    """Return the failure of a call that took too long; `more` is said behind it."""
    return Failure("timeout", f"program `{call.program.name}` took longer than {time_of(call):g}s{more}")


class Executors:
    """Carries out the calls of one run. `going` are the programs whose threads did not end with their calls, and still go on."""

    def __init__(self, settings: Settings, coglets: Coglets, servers: Servers, claims: Claims, plans: Plans) -> None:
        self.settings = settings
        self.coglets = coglets
        self.servers = servers
        self.claims = claims
        self.plans = plans
        self.functions: dict[tuple[Unit, str], Function] = {}
        self.going: list[str] = []
        self.detached = Detached()
        self._threads = trio.CapacityLimiter(THREADS)
        self._load = trio.Lock()
        self._known = frozenset(sys.modules)

    async def execute(self, call: Call, until: float = float("inf")) -> object:
        """Carry out a call within its timeout. Return its value, or a Failure.

        `until` is an instant of `time.monotonic` up to which the caller waits for the call.
        """
        program = call.program
        # the session counts the timeout of a question to a person, on the clock of the run
        seconds = float("inf") if program.kind == "human" else time_of(call)
        with trio.move_on_after(seconds) as scope, watch.holding(min(until, time.monotonic() + seconds)) as hold:
            try:
                return await self._carry_out(program, call, scope)
            except Failure as failure:
                return failure
        return late(call, ", in which it never gave way to the rest of the run" if hold.over else "")

    async def _carry_out(self, program: ir.Program, call: Call, scope: trio.CancelScope) -> object:
        """Carry out a call by the kind of its program, within a time limit. Return its value. Raise Failure if it fails."""
        types = call.unit.bundle.types
        match program.kind:
            case "python":
                watch.begin()
                with speaking(program.name, False):
                    return await self.detached.run(program.name, lambda: self._python(program, call))
            case "shell":
                return await self._shell(program, call)
            case "coglet":
                watch.begin()
                name = self.coglets.name(program, call)
                with speaking(name, True):
                    return await self.detached.run(name, lambda: self._coglet(program, call))
            case "mcp":
                given = call.arguments if program.schema is None else record_of(call.arguments["input"])
                key = call.unit, program.server
                name = call.unit.bundle.servers[program.server].name
                caller = Caller(name, call.path, call.id, self.settings.people, [scope], call.handle)
                value = await self.servers.call(key, program.argument, given, self.id_of(call), caller)
                return read_result(value, types[program.result], f"the result of `{program.name}`")
            case "queue":
                queue, action = (call.unit, str(program.argument)), program.key.rpartition(".")[2]
                return await self.claims.call(queue, action, list(call.arguments.values()), call.id, call.program.by)
            case "plan store":
                return await self.plans.call(str(program.argument), list(call.arguments.values()), call.id)
            case "file":
                return await trio.to_thread.run_sync(read_file, self._folder("."), str(call.arguments["path"]))
            case "human":
                question = Question(program, call, types[program.result])
                said = await self.settings.people.ask(question, call.id)
                return from_python(said, f"the answer to `{program.name}`")
            case "expr" | "template" | "llm" | "ask" | "reply":
                raise Failure("program", f"{program.kind} programs are carried out by the kernel")
            case _:
                assert_never(program.kind)

    def id_of(self, call: Call) -> str:
        """Return the id of a call: that of its effect, or its number in the run. It stays the same when a resumed run begins it again."""
        return call.once or f"{self.settings.people.run}-{call.id}"

    # ---- Python --------------------------------------------------------------------------------------------

    async def _python(self, program: ir.Program, call: Call) -> object:
        """Call a function: an async one on the run's thread, another in a thread of its own."""
        function = await self._function(call.unit, call.program)
        if len(self.going) >= MOST_ABANDONED and not inspect.iscoroutinefunction(function):
            raise Failure(
                "program",
                f"{program.name}: {len(self.going)} threads did not end and were abandoned; no other one is begun",
            )
        try:
            arguments = {k: to_python(v) for k, v in call.arguments.items()}
            if _takes_id(function):
                arguments.setdefault(CALL_ID, self.id_of(call))
            if inspect.iscoroutinefunction(function):
                value = await OnTrio(function(**arguments))
            else:
                value = await self._in_thread(program.name, function, arguments)
                if inspect.iscoroutine(value):  # a plain function may return the coroutine of an async one
                    value = await OnTrio(value)
        except BaseException as error:
            said = await left(error)
            raise Failure("program", f"{program.name}: {said}") from None
        return from_python(value, f"program `{program.name}`")

    async def _in_thread(self, name: str, function: Function, arguments: dict[str, object]) -> object:
        """Call a function in a thread. If the call is cancelled, abandon the thread and its result; a thread that has not
        begun by then never calls the function.

        An abandoned thread keeps its token of the limiter until it ends. The limiter gets another one for that time, so that
        abandoned threads hold no later call up.
        """
        token, lock, state = trio.lowlevel.current_trio_token(), threading.Lock(), "waits"

        def ended() -> None:
            self._threads.total_tokens -= 1

        given: list[object] = []
        raised: list[BaseException] = []

        def call() -> None:
            # its result goes by lists that can be emptied: an idle thread of Trio holds what it returned last
            nonlocal state
            with lock:
                if state == "cancelled":
                    return
                state = "runs"
            try:
                given.append(function(**arguments))
            except BaseException as error:
                # it must not end the thread: a Cancelled or StopIteration means something to Trio
                raised.append(error)
            finally:
                with lock:
                    is_left, state = state == "abandoned", "ended"
                if is_left:
                    self.going.remove(name)
                    with suppress(trio.RunFinishedError):
                        token.run_sync_soon(ended)

        try:
            await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._threads)
        except trio.Cancelled:
            with lock:
                is_left = state == "runs"
                state = "abandoned" if is_left else "cancelled"
                if is_left:
                    self.going.append(name)
            if is_left:
                self._threads.total_tokens += 1
            raise
        if raised:
            raise raised.pop()  # by no name of this frame, which is part of its trace: a circle would keep what the user's frames hold
        return given.pop()

    async def _function(self, unit: Unit, program: ir.Program) -> Function:
        """Return the function that a program names. Its module is imported at the first call."""
        key = unit, program.key
        if key not in self.functions:
            async with self._load:
                if key not in self.functions:
                    module, _, name = str(program.argument).partition(":")
                    if program.kind == "coglet":
                        upstream.install()
                    found = await trio.to_thread.run_sync(self._import, module, program.folder, abandon_on_cancel=True)
                    self.functions[key] = member(found, module, name)
        return self.functions[key]

    def _import(self, module: str, folder: str) -> ModuleType:
        """Import a module of the spec's own folder, of the standard library, or of a package that is allowed by
        name."""
        calling.say_unheard()
        parts = module.split(".")
        if parts[0] == "std":
            base = Path(resources.place("stdlib")).joinpath(*parts[1:])
        else:
            base = Path(folder or ".").resolve().joinpath(*parts)
        path = base.with_suffix(".py")
        if not path.is_file():
            path = base / "__init__.py"
        try:
            if path.is_file():
                return load_module(module, path)
            if parts[0] in self.settings.allow_imports:
                return importlib.import_module(module)
        except BaseException as error:  # `sys.exit` at the top of a module too
            if isinstance(error, SystemExit) and upstream.imported_by(path):
                self.coglets.host().exits(error)
            raise Failure("program", f"module `{module}`: {calling.words(error)}") from None
        raise Failure(
            "program",
            f"there is no module `{module}` in the spec's folder; a package is allowed by --allow-import {parts[0]}",
        )

    async def know(self, inst: Instance) -> None:
        """Import the class of a coglet in Python whose object is made anew at its next call. Code that cannot be imported fails that call."""
        if inst.path in self.coglets.saved:
            unit = inst.code.unit
            with suppress(Failure):
                found = await self._function(unit, unit.bundle.programs[inst.code.ir.python])
                if isinstance(found, type):
                    self.coglets.classes[inst.path] = found

    async def _coglet(self, program: ir.Program, call: Call) -> object:
        """Call a method of a coglet in Python."""
        cls = await self._function(call.unit, call.program)
        try:
            return await self.coglets.call(program, cls, call)
        except BaseException as error:
            if is_refusal(error):
                raise
            said, what = await left(error), call.arguments["name"] or call.arguments["kind"]
            raise Failure("program", f"{self.coglets.name(program, call)} ({what}): {said}") from None

    # ---- processes -----------------------------------------------------------------------------------------

    async def _shell(self, program: ir.Program, call: Call) -> object:
        """Run a command in the workspace, and return its output in the form that the program declares."""
        request = call.request
        words = command_words(request["words"])
        cwd = self._folder(request.get("cwd", ""))
        try:
            writes = call.sandbox is not None and self.settings.sandboxed and call.sandbox.mode == "rw"
            async with spared(cwd, words[0]) if writes else nullcontext():
                with self._held(program, call, words, cwd) as (command, env):
                    outcome = await run_process(command, request.get("stdin", "").encode(), cwd, env)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise Failure("program", f"`{words[0]}` cannot be started: {reason.lower()}") from None
        form = request.get("output", "")
        if form not in OUTCOMES and outcome.code not in request.get("ok", [0]):
            said = outcome.stderr or outcome.stdout
            last = said.decode("utf-8", "replace").strip()[-400:]
            how = f"ended with code {outcome.code}" if outcome.code >= 0 else f"was ended by signal {-outcome.code}"
            raise Failure("program", f"`{words[0]}` {how}{': ' + last if last else ''}")
        if outcome.truncated:
            raise Failure("program", f"`{words[0]}` wrote more than 16 MiB")
        if request.get("reload"):
            self._forget(cwd, call.sandbox is None or not self.settings.sandboxed)
        if form in OUTCOMES:
            texts = {"stdout": outcome.stdout, "stderr": outcome.stderr}
            written = {k: t.decode("utf-8", "replace") for k, t in texts.items()}
            return {
                "code": outcome.code,
                **({k: same_words(t) for k, t in written.items()} if form == REPORT else written),
            }
        return self._output(program, call.unit.bundle.types[program.result], form, outcome.stdout)

    @contextmanager
    def _held(
        self, program: ir.Program, call: Call, words: list[str], cwd: str
    ) -> Iterator[tuple[list[str], dict[str, str]]]:
        """Yield the command and the environment of a process: in its sandbox if it has one. Without one, git of cogc's
        own does not obey the repository."""
        own = own_environment(call.request.get("env"))
        own["COGC_CALL_ID"] = self.id_of(call)
        ours = is_ours(program, words)
        if call.sandbox is not None and self.settings.sandboxed:
            kept = self.settings.kept.and_files(files_of(call.unit.bundle))
            words, own = carried(words, own)
            inside = wrapped(words, call.sandbox, self._folder("."), cwd, program.name, kept)
            yield inside, {**environment_of(call.sandbox), **(TRUSTING if ours else {}), **own}
        elif ours:
            with sealed(words, cwd, self._folder(".")) as found:
                yield found
        else:
            path = os.pathsep.join(filter(None, (os.environ.get("PATH"), os.path.dirname(sys.executable))))
            # what is installed beside cogc is found, if nothing goes before it
            yield words, {**environment(), "PATH": path, **own}

    def _folder(self, name: str) -> str:
        """Return the path of a folder in the workspace. Raise Failure for one outside of it, also one that a link
        leads to."""
        workspace = os.path.realpath(self.settings.workspace)
        folder = os.path.realpath(os.path.join(workspace, name))
        if os.path.commonpath([workspace, folder]) != workspace:
            raise Failure("program", f"the folder `{name}` lies outside the workspace")
        if not os.path.isdir(folder):
            raise Failure(
                "program", f"the workspace has no folder `{name}`" if name else f"there is no workspace {folder}"
            )
        return folder

    def _forget(self, folder: str, trusted: bool) -> None:
        """Forget the modules of the spec below a folder, so that they are imported anew when they are needed.

        Where commands in a sandbox may write, what was changed is taken only if it is `trusted`: the command that asks for it ran in no
        sandbox. Bytecode is removed too: it would be taken for that of a new text of the same second and size.
        """
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name in self._known or not file or "site-packages" in file or name.partition(".")[0] == "cogc":
                continue
            real = os.path.realpath(file)
            if os.path.commonpath([folder, real]) == folder and not inside(real, _LIBRARY):
                del sys.modules[name]
                if not pinned.holder(file):
                    Path(getattr(module, "__cached__", None) or file + "c").unlink(missing_ok=True)
        if trusted:
            pinned.trust(folder)
        self.functions.clear()
        importlib.invalidate_caches()

    def _output(self, program: ir.Program, type: object, form: str, data: bytes) -> object:
        """Return the output of a command as text, lines or JSON. Raise Failure for an output that is not JSON where
        JSON is wanted."""
        said = data.decode("utf-8", "replace")
        if form == "lines":
            return said.splitlines()
        if form == "text" or (not form and type == "string"):
            return said.removesuffix("\n")
        name = f"the output of `{program.name}`"
        if not form and type == "any":
            return read_words(said.removesuffix("\n"), name)
        try:
            return from_python(parse(said), name)
        except ValueError as error:
            raise Failure("program", f"{name} is no JSON: {error}") from None


def member(module: ModuleType, called: str, name: str) -> Function:
    """Return a function or class of a module. Raise Failure if the module has none of this name."""
    try:
        found = getattr(module, name, None)
    except BaseException as error:  # a module may have a `__getattr__` of its own
        raise Failure("program", f"module `{called}`: {calling.words(error)}") from None
    if not callable(found):
        raise Failure("program", f"module `{called}` has no function `{name}`")
    function: Function = found
    return function


def record_of(value: Value) -> dict[str, Value]:
    """Return a value that is a record; a Failure for any other value."""
    if not isinstance(value, dict):
        raise Failure("type", f"a record is wanted, not {kind_of(value)}")
    return value


def command_words(words: list[Value]) -> list[str]:
    """Return the words of a command: lists among them are spread, and numbers become text."""
    found: list[str] = []
    for word in words:
        found += [text(w) for w in word] if isinstance(word, list) else [text(word)]
    if any("\0" in w for w in found):
        raise Failure("program", "a word of a command holds a NUL character")
    return found


def load_module(name: str, path: Path) -> ModuleType:
    """Import a file once, under a name that depends on its path. The module can import its siblings, and from the folder in
    which its dotted name begins."""
    key = f"cogc_spec_{path}"
    if key in sys.modules:
        return sys.modules[key]
    inside = path.parent if path.name == "__init__.py" else path
    if not name.startswith("std."):
        _enter(path.parent, inside.parents[name.count(".")])
    found = importlib.util.spec_from_file_location(key, path, loader=pinned.loader(key, str(path)))
    assert found is not None and found.loader is not None
    marked.loading()
    module = importlib.util.module_from_spec(found)
    sys.modules[key] = module
    try:
        found.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(key, None)
        raise
    return module


_folders: list[str] = []
"""The folders of specs that were put on sys.path."""


def _enter(*folders: Path) -> None:
    """Let imports find the modules of these folders before those of other specs, but behind all else.

    A module of another spec that has the name of one in these folders is forgotten. Who has imported it keeps it.
    """
    ours = [str(folder) for folder in dict.fromkeys(folders)]
    others = [folder for folder in _folders if folder not in ours]
    names = {entry.name.removesuffix(".py") for folder in folders for entry in folder.iterdir()}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in names and file and _inside(file, others) and not _inside(file, ours):
            del sys.modules[name]
    sys.path[:] = [p for p in sys.path if p not in _folders]
    _folders[:] = [*(folder for folder in ours if folder not in sys.path), *others]
    sys.path += _folders


def _inside(file: str, folders: list[str]) -> bool:
    return any(file.startswith(folder + os.sep) for folder in folders)


def _takes_id(function: Function) -> bool:
    """Return whether a function has a parameter for the id of its call."""
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):
        # a plain function, whose signature would take long to find
        return CALL_ID in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    try:
        return CALL_ID in inspect.signature(function).parameters
    except (ValueError, TypeError):
        return False
