"""The things that `create` takes: a coglet folder, a spec in either notation, a built program, or one coglet of a spec (`spec.cog:Worker`).

A spec is read and checked anew at each creation, so that a changed file counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from cogc import ir
from cogc.diagnostics import render
from cogc.diagnostics.problems import Problems
from cogc.disk.files import is_spec, main_spec
from cogc.kernel.shapes import Policy
from cogc.language.values import Failure
from cogc.loading import bundle_of
from cogc.run.json_text import read_words

MANIFEST = "manifest.toml"
Allowed = Callable[[str], frozenset[str]]
"""Returns the packages that the Python programs of a spec may import."""
_NEVER: Policy = {"restart": "never", "max_restarts": 0, "backoff": 0}


class Refused(Exception):
    """A request that is refused: its status of HTTP, and a text or a list of diagnostics."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Loaded(NamedTuple):
    """A program, the coglet of it that is wanted, the parameters that were given, how it is supervised, and the packages that it may import."""

    bundle: ir.Bundle
    key: str
    parameters: dict[str, Any]
    policy: Policy
    packages: frozenset[str]


def load(path: str, settings: list[str], allowed: Allowed) -> Loaded:
    """Return what a path stands for. `settings` are texts `NAME=VALUE`. Raise Refused for what cannot be created."""
    place, root = _place(path)
    packages = allowed(place)
    bundle = _bundle(place, root, packages)
    if bundle.root in bundle.setts:
        raise Refused(422, f"`{bundle.root}` is a sett: it is run by `cogc run` or `cogc sett`")
    key, policy = bundle.root, _NEVER
    if root is None and os.path.isfile(os.path.join(place, MANIFEST)):
        key, policy = _of_folder(bundle)
    return Loaded(bundle, key, _parameters(bundle, key, settings), policy, packages)


def _place(path: str) -> tuple[str, str | None]:
    """Return a path, and the name of a coglet behind a colon."""
    if "\0" in path:
        raise Refused(404, f"'{path}' is not a directory")
    if not os.path.exists(path) and ":" in path:
        place, _, root = path.rpartition(":")
        if root and os.path.exists(place):
            return place, root
    if not os.path.exists(path):
        raise Refused(404, f"'{path}' is not a directory")
    return path, None


def _bundle(place: str, root: str | None, packages: frozenset[str]) -> ir.Bundle:
    """Compile a spec. Raise Refused with its diagnostics if it has errors."""
    main = main_spec(place)
    if os.path.isfile(main) and not main.endswith(".json") and not is_spec(main):
        raise Refused(422, f"'{main}' is no spec: it is neither a .cog file nor a spec in YAML")
    problems = Problems()
    bundle = bundle_of(place, root, packages, problems, served=True)
    if bundle is None:
        errors = [d for d in problems.sorted() if d.severity == "error"]
        raise Refused(422, json.loads(render.json(errors)))
    return bundle


def _of_folder(bundle: ir.Bundle) -> tuple[str, Policy]:
    """Return the coglet of a folder's class, and the policy that its manifest gives it: the spec of a folder has a `Main` around it."""
    child = bundle.coglets[bundle.root].children[0]
    most, backoff = child.max_restarts, child.backoff
    return child.coglet, {
        "restart": child.restart,
        "max_restarts": int(str(most.value)) if isinstance(most, ir.Const) else 3,
        "backoff": backoff.nanos if isinstance(backoff, ir.DurationConst) else 10**9,
    }


def _parameters(bundle: ir.Bundle, key: str, settings: list[str]) -> dict[str, Any]:
    """Return the parameters of a coglet from texts. Raise Refused for a name that it does not have, or one that it needs."""
    coglet = bundle.coglets[key]
    own = coglet.parameters[: coglet.own_parameters]
    known = {p.name: p.type for p in own}
    found: dict[str, Any] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            names = ", ".join(f"`{k}`" for k in known) or "none"
            raise Refused(422, f"`{coglet.name}` has no parameter `{name}`; it has {names}")
        found[name] = value if bundle.types[known[name]] == "string" else read_data(value, name)
    for p in own:
        if p.default is None and p.name not in found:
            raise Refused(422, f"`{coglet.name}` needs the parameter `{p.name}`")
    return found


def read_data(text: str | None, name: str) -> Any:
    """Return data that a user has written: JSON, else the text itself. Raise Refused for JSON that the language cannot hold."""
    if text is None:
        return None
    try:
        return read_words(text, f"`{name}`")
    except Failure as wrong:
        raise Refused(422, wrong.message) from None
