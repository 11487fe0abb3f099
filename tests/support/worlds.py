"""A world after each of its stages: loaded and declared, expanded, completed."""

from __future__ import annotations

from cogc.desugar.expand import expand
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read as read_file
from cogc.names.complete import complete
from cogc.names.declare import declare
from cogc.names.load import load
from cogc.names.world import World


def declared(text: str, **others: str) -> tuple[World, list[str]]:
    """Return the world of `main.cog` once its names are declared, and the slugs of what is reported; `others` are `NAME.cog`."""
    files = {"main.cog": text, **{f"{name}.cog": other for name, other in others.items()}}

    def read(path: str) -> bytes:
        if path in files:
            return files[path].encode()
        if path.startswith("std/"):
            return read_file(path)
        raise FileNotFoundError(2, "No such file or directory", path)

    problems = Problems()
    world = load(["main.cog"], read, problems)
    declare(world, problems)
    return world, [d.slug for d in problems.sorted()]


def expanded(text: str, **others: str) -> World:
    """Return a world in which the declarations that stand for coglets have their shapes."""
    world, slugs = declared(text, **others)
    assert slugs == []
    expand(world)
    return world


def completed(text: str, **others: str) -> tuple[World, list[str]]:
    """Return a world whose shapes have their members, and the slugs of what the last stage reports."""
    world = expanded(text, **others)
    problems = Problems()
    complete(world, problems)
    return world, [d.slug for d in problems.sorted()]
