"""Files to units: imports, each once, in any circle; groups of files; and what cannot be read."""

from __future__ import annotations

import pytest

from cogc.compile import analyse
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read as read_file
from cogc.language.types import DEEPEST
from cogc.names.load import groups, import_path, load
from cogc.names.world import World


def loaded(*roots: str, **files: str | bytes) -> tuple[World, list[tuple[str, str]], list[str]]:
    """Load files by name (`_` for the dot, `__` for a slash); the world, the reports, and what was read in order."""
    texts = {k.replace("__", "/").replace("_", "."): v for k, v in files.items()}
    asked: list[str] = []

    def read(path: str) -> bytes:
        if path.startswith("std/"):
            return read_file(path)
        asked.append(path)
        if path not in texts:
            raise FileNotFoundError(2, "No such file or directory", path)
        text = texts[path]
        return text if isinstance(text, bytes) else text.encode()

    problems = Problems()
    world = load(list(roots), read, problems)
    found = [(d.slug, d.span.source.path) for d in problems.sorted()]
    return world, found, [path for path in asked if not path.endswith("cogc.lock.json")]


def own(world: World) -> list[str]:
    return [path for path in world.units if not path.startswith("std/")]


@pytest.mark.parametrize(
    ("importer", "path", "expected"),
    [
        ("a.cog", "b.cog", "b.cog"),
        ("x/a.cog", "b.cog", "x/b.cog"),
        ("x/a.cog", "../b.cog", "b.cog"),
        ("x/a.cog", "./y/b.cog", "x/y/b.cog"),
        ("x/a.cog", "std/mixins.cog", "std/mixins.cog"),
        ("a.cog", "../b.cog", "../b.cog"),
        ("/x/a.cog", "b.cog", "/x/b.cog"),
    ],
)
def test_a_path_is_relative_to_the_file_that_imports(importer: str, path: str, expected: str) -> None:
    assert import_path(importer, path) == expected


def test_each_file_is_read_once_whichever_ways_lead_to_it() -> None:
    world, found, asked = loaded(
        "a.cog",
        "./a.cog",
        a_cog='import "b.cog"\nimport "x/c.cog"',
        b_cog='import "x/../x/c.cog"\nimport "a.cog"',
        x__c_cog='import "../b.cog"',
    )
    assert found == [] and own(world) == ["a.cog", "b.cog", "x/c.cog"] == asked
    assert [u.path for u in world.roots] == ["a.cog"]


def test_an_import_that_is_not_there_is_blamed_at_the_import() -> None:
    world, found, _ = loaded("a.cog", a_cog='import "b.cog"\nimport "none.cog"', b_cog="const B = 1")
    assert found == [("unreadable-file", "a.cog")] and own(world) == ["a.cog", "b.cog"]


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"\xff\xfe\x00", "no-text"),
        (b"const A = 1 # \xc3", "no-text"),
        (b"nul \0", "no-text"),
        (b"#" * ((8 << 20) + 1), "file-too-large"),
    ],
)
def test_a_file_that_is_no_text_is_one_report(content: bytes, slug: str) -> None:
    assert loaded("a.cog", a_cog=content)[1] == [(slug, "a.cog")]


def test_marks_and_line_ends_of_other_systems_make_no_difference() -> None:
    plain, _, _ = loaded("a.cog", a_cog="const A = 1\nconst B = 2\n")
    for text in (b"\xef\xbb\xbfconst A = 1\r\nconst B = 2\r\n", b"const A = 1\rconst B = 2\r"):
        world, found, _ = loaded("a.cog", a_cog=text)
        assert found == [] and world.units["a.cog"].tree == plain.units["a.cog"].tree


def test_a_form_of_the_library_is_no_spec() -> None:
    assert loaded("a.cog", a_cog='import "std/forms/agent.cog"')[1] == [("unreadable-file", "a.cog")]


def test_files_that_reach_each_other_are_one_group() -> None:
    world, _, _ = loaded(
        "a.cog",
        "d.cog",
        "e.cog",
        a_cog='import "b.cog"',
        b_cog="",
        c_cog="",
        d_cog='import "c.cog"',
        e_cog='import "std/mixins.cog"',
    )
    assert sorted(map(sorted, groups(world))) == [["a.cog", "b.cog"], ["c.cog", "d.cog"], ["e.cog"]]


def test_a_file_has_a_name_in_a_program_from_where_the_first_one_stands() -> None:
    world, _, _ = loaded("x/a.cog", x__a_cog='import "b.cog"\nimport "../y/c.cog"', x__b_cog="", y__c_cog="")
    assert [world.units[p].key("N") for p in ("x/a.cog", "x/b.cog", "y/c.cog")] == ["N", "b::N", "../y/c::N"]


def test_two_files_that_differ_in_their_suffix_have_two_names() -> None:
    world, _, _ = loaded(
        "main.cog",
        "a.cog",
        "a.yml",
        "std/dod.cog",
        main_cog='import "a"\nimport "std/dod.cog"',
        a_cog="",
        a_yml="cog: 1\n",
        a="",
    )
    assert {path: unit.id for path, unit in world.units.items()} == {
        "main.cog": "", "a.cog": "a", "a.yml": "a.yml", "a": "a'", "std/dod.cog": "std/dod", "std/mixins.cog": "std/mixins",
    }  # fmt: skip


def test_a_mistake_is_found_beside_a_file_that_differs_in_its_suffix() -> None:
    wrong = "coglet Main { on start { nothing <- 1 } }"
    files = {"main.cog": "", "a.cog": wrong, "a.yml": "cog: 1\ncoglets:\n  Main: {}\n"}
    problems = Problems()
    analyse([*files], lambda path: files[path].encode() if path in files else read_file(path), problems)
    assert [(d.slug, d.span.source.path) for d in problems.sorted()] == [("unknown-port", "a.cog")]


def test_types_that_nest_too_deep_are_reported_in_each_file() -> None:
    deep = "type T0 = [int]\n" + "".join(
        f"type T{i + 1} = {'[' * 30}T{i}{']' * 30}\n" for i in range(DEEPEST // 30 + 1)
    )
    files = {"a.cog": deep, "b.cog": deep}
    problems = Problems()
    analyse([*files], lambda path: files[path].encode() if path in files else read_file(path), problems)
    assert [(d.slug, d.span.source.path) for d in problems.sorted()] == [("too-deep", "a.cog"), ("too-deep", "b.cog")]


def test_a_lock_that_is_wrong_is_reported_once_and_in_the_lock() -> None:
    server = 'mcp m = stdio ["x"]\n'
    _, found, _ = loaded("a.cog", "b.cog", "c.cog", a_cog=server, b_cog=server, c_cog="", cogc_lock_json="[]")
    assert found == [("unreadable-file", "cogc.lock.json")]
