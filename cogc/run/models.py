"""Models: a script answers a request at once, a provider over the network."""

from __future__ import annotations

from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import trio

from cogc import ir
from cogc.kernel.effects import Ask
from cogc.kernel.models.counting import counted, estimate
from cogc.kernel.models.replies import recordable, whole
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.contexts import Contexts

if TYPE_CHECKING:
    from cogc.run.scripted import Scripted

Emit = Callable[[str], None]


class Provider(Protocol):
    """The client of one model. Requests and replies have the form that `kernel/models/conversation.py` describes."""

    async def ask(self, request: dict[str, Any], emit: Emit | None, id: str) -> dict[str, Any]:
        """Send one request and return the reply, or an error with advice on another attempt. `emit` takes pieces of
        text. `id` names the request to the server, which may answer it only once."""
        ...

    async def listed(self) -> list[str]:
        """Return the names of the models that the server has. Raise Failure if it does not say so."""
        ...

    async def aclose(self) -> None:
        """Close the connections of the client."""
        ...


class Models:
    """The models of one run, by whose id requests are named."""

    def __init__(self, run: str = "", contexts: Contexts | None = None) -> None:
        self.run = run
        self.contexts = contexts or Contexts()
        self.scripts: dict[tuple[Unit, str], Scripted] = {}
        self.providers: dict[tuple[Unit, str], Provider] = {}
        self.recalled: dict[int, tuple[int, Any]] = {}
        self.said: dict[int, tuple[int, Any]] | None = None
        """The scripted answers so far by the numbers of their requests, if somebody wants to have them."""

    def recall(self, ask: Ask) -> None:
        """Use up the scripted answer of a request that was made before the run was resumed. It is given if the request is made again."""
        found = self.answer(ask)
        if found is not None:
            self.recalled[ask.id] = found

    def answer(self, ask: Ask) -> tuple[int, Any] | None:
        """Return a scripted answer and its delay in nanoseconds, or None for another provider.

        The answer is chosen at once, so that answers are used in the order of the requests.
        """
        if ask.model.provider != "scripted":
            return None
        if ask.id in self.recalled:
            return self.recalled.pop(ask.id)
        found = self._scripted(ask)
        if self.said is not None:
            self.said[ask.id] = found
        return found

    def go_on(self, killed: Models, open_calls: Container[int]) -> None:
        """Go on where the models of a run were that was killed: a request that is made again gets the answer that it had."""
        self.scripts, self.said = killed.scripts, killed.said
        self.recalled = {id: found for id, found in (killed.said or {}).items() if id in open_calls}

    def _scripted(self, ask: Ask) -> tuple[int, Any]:
        model = ask.model
        if ask.request.get("count"):
            return 0, {"tokens": estimate(ask.request)}
        try:
            delay, reply = self._script(ask).answer(ask)
        except OSError as error:
            return 0, Failure(
                "program", f"model `{model.name}`: `{model.argument}`: {(error.strerror or str(error)).lower()}"
            )
        except ValueError as error:
            return 0, Failure("program", f"model `{model.name}`: {error}")
        if delay > ask.limit:
            return ask.limit, late(ask)
        return delay, counted(reply, ask.request)

    def _script(self, ask: Ask) -> Scripted:
        return self._loaded(ask.unit, ask.model)

    def _loaded(self, unit: Unit, model: ir.Model) -> Scripted:
        key = unit, model.key
        if key not in self.scripts:
            from cogc.run.scripted import Scripted  # for scripted models alone

            self.scripts[key] = Scripted.load(Path(model.folder) / model.argument)
        return self.scripts[key]

    def used_up(self, unit: Unit) -> list[list[Any]]:
        """Return how often the items of each script of a unit may still be used: `[[model, [number ...]] ...]`."""
        return [[key, script.left] for (of, key), script in self.scripts.items() if of is unit]

    def use_up(self, unit: Unit, left: list[list[Any]]) -> None:
        """Let the items of scripts be used as often as they may still be used. A script that is another one by now begins anew."""
        for key, counts in left:
            model = unit.bundle.models.get(key)
            with suppress(OSError, ValueError):  # whoever asks the model hears of it
                if model is not None and model.provider == "scripted":
                    self._loaded(unit, model).left = counts

    async def ask(self, ask: Ask, emit: Emit) -> Any:
        """Return a provider's reply within the time that is left, or a Failure. `emit` takes pieces of its text."""
        heard: list[str] = []

        def hear(piece: str) -> None:
            piece = whole(piece)
            heard.append(piece)
            if ask.streams:
                emit(piece)

        result: Any = late(ask)
        with trio.move_on_after(ask.limit / 1e9):
            try:
                with self.contexts.asking(ask.id):
                    result = await self._provider(ask).ask(ask.request, hear, f"{self.run}-{ask.id}")
            except Failure as failure:
                result = failure
        if heard and isinstance(result, dict) and "error" in result:
            result["error"]["partial"] = "".join(heard)
        return recordable(counted(result, ask.request)) if isinstance(result, dict) else result

    def _provider(self, ask: Ask) -> Provider:
        key = ask.unit, ask.model.key
        if key not in self.providers:
            self.providers[key] = client_of(ask.unit, ask.model)
        return self.providers[key]

    async def aclose(self) -> None:
        for provider in self.providers.values():
            await provider.aclose()


def client_of(unit: Unit, model: ir.Model) -> Provider:
    """Return the client of a model. Raise Failure if it cannot be made."""
    try:
        return _made(model, unit.model(model.key) if model.key in unit.bundle.models else {})
    except Failure:
        raise
    except Exception as error:  # the SDK, its HTTP library and TLS raise what they like for a proxy or a certificate
        why = str(error) or type(error).__name__
        raise Failure("program", f"the client of model `{model.name}` cannot be made: {why}") from None


async def exists(unit: Unit, model: ir.Model) -> list[str] | None:
    """Return None if a model exists, else the models that its provider has. Raise Failure if the provider does not say so."""
    if model.provider == "scripted":
        path = Path(model.folder) / model.argument
        try:
            from cogc.run.scripted import Scripted  # for scripted models alone

            Scripted.load(path)
        except OSError as error:
            raise Failure("program", f"`{path}`: {(error.strerror or str(error)).lower()}") from None
        except ValueError as error:
            raise Failure("program", str(error)) from None
        return None
    client = client_of(unit, model)
    try:
        known = await client.listed()
    finally:
        await client.aclose()
    if not known:
        raise Failure("program", "the server's list of models is empty")
    return None if model.argument in known else known


def _made(model: ir.Model, attributes: dict[str, Any]) -> Provider:
    """Return the provider of a model. Its SDK is imported at this point, because it is slow to import and an extra."""
    if model.provider == "openai":
        try:
            from cogc.run.openai_model import OpenAIModel
        except ImportError:
            raise Failure("program", "models of `openai` need the extra `openai`: pip install 'cogc[openai]'") from None
        return OpenAIModel(model, attributes)
    from cogc.run.anthropic_model import AnthropicModel

    return AnthropicModel(model, attributes)


def late(ask: Ask) -> dict[str, Any]:
    """Return the error of a request that took too long."""
    message = f"program `{ask.program}` got no reply from its model within {ask.limit / 1e9:g}s"
    return {"error": {"message": message, "retry": False, "after": None, "kind": "timeout"}}
