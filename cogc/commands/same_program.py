"""The program of a recorded run, found again although its spec is named from another folder now.

The hash of a program covers the folders in which it looks for code, as the command line has named them. So one spec has other hashes from
other working directories, and in another checkout. A recording has the hash that the program had then.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cogc import built, ir


def is_same(bundle: ir.Bundle, spec: str, recorded: object, begun: object = None) -> bool:
    """Return whether a recorded hash is that of a program, whatever folder its spec was named from then: one above the spec, or none, by an
    absolute path. If the head of the journal says how the run was `begun`, that counts too: the folder and the place of the spec then."""
    if recorded == bundle.hash:
        return True
    place = Path(os.path.abspath(spec)).parent
    named: list[tuple[Path, Path | None]] = [(place, base) for base in (place, *place.parents, None)]
    if isinstance(begun, dict) and {"folder", "spec"} <= begun.keys():
        then = Path(str(begun["spec"])).parent
        named += [(then, Path(str(begun["folder"]))), (then, None)]
    return any(_hash_from(bundle, place, then, base) == recorded for then, base in named)


def as_recorded(bundle: ir.Bundle, spec: str, recorded: object, begun: object = None) -> ir.Bundle:
    """Return a program with the hash that it had when it was recorded, if it `is_same`; else as it is."""
    return replace(bundle, hash=str(recorded)) if is_same(bundle, spec, recorded, begun) else bundle


def _hash_from(bundle: ir.Bundle, place: Path, then: Path, base: Path | None) -> str:
    """Return the hash that a program has if its spec stands in the folder `then` in place of `place`, and is named by its path from the folder
    `base`, or by its absolute path."""

    def moved(part: Any) -> Any:
        if part.folder.partition("/")[0] == "std":  # of cogc itself, wherever that is
            return part
        found = os.path.normpath(then / os.path.relpath(os.path.abspath(part.folder), place))
        if base is not None:
            found = os.path.relpath(found, base)
        return replace(part, folder="" if found == "." else found)

    return built.hashed(
        replace(
            bundle,
            programs={key: moved(p) if _has_folder(p) else p for key, p in bundle.programs.items()},
            models={key: moved(model) for key, model in bundle.models.items()},
            queues={key: moved(queue) for key, queue in bundle.queues.items()},
            setts={key: moved(sett) for key, sett in bundle.setts.items()},
        )
    ).hash


def _has_folder(program: ir.Program) -> bool:
    """Return whether a program is declared in a spec. Those of queues, the tools of a server, and the one that reads files look for nothing."""
    return program.kind not in ("file", "queue") and program.schema is None
