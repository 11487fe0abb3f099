"""The program of a recording, known again from whatever folder its spec is named."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from cogc import ir
from cogc.commands.same_program import is_same
from cogc.diagnostics.problems import Problems
from cogc.loading import bundle_of
from support.cli import cogc_here

SPEC = """import "parts/b.cog"
model m = scripted "m.yml"
queue jobs: int = memory
program f(n: int) -> int = python "lib:f"
program judge(q: string) -> string = llm { model: m, prompt: "{{ q }}" }
coglet Main {
  listen x: int
  transmit y: int
  on x as n { y <- f(n) }
  on jobs as n { y <- g(n) }
}
"""
PART = """program g(n: int) -> int = python "lib:g"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout: a spec in a folder, with one that it imports from a folder below."""
    place = tmp_path / "one" / "specs"
    (place / "parts").mkdir(parents=True)
    (tmp_path / "one" / "docs").mkdir()
    (place / "a.cog").write_text(SPEC)
    (place / "parts" / "b.cog").write_text(PART)
    (place / "lib.py").write_text("def f(n):\n    return n + 1\n")
    (place / "parts" / "lib.py").write_text("def g(n):\n    return n\n")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    return tmp_path


def read(folder: Path, spec: str) -> ir.Bundle:
    with contextlib.chdir(folder):
        problems = Problems()
        bundle = bundle_of(spec, None, frozenset(), problems)
    assert bundle is not None, problems.sorted()
    return bundle


def test_a_program_is_the_same_from_every_folder_and_checkout(project: Path) -> None:
    places = {"one/specs": "a.cog", "one": "specs/a.cog", "two/docs": "../specs/a.cog", ".": "two/specs/a.cog"}
    read_there = {place: read(project / place, spec) for place, spec in places.items()}
    assert len({bundle.hash for bundle in read_there.values()}) == len(places)
    for place, spec in places.items():
        with contextlib.chdir(project / place):
            for other, then in places.items():
                begun = {"folder": str(project / other), "spec": os.path.abspath(project / other / then)}
                assert is_same(read_there[place], spec, read_there[other].hash, begun), (place, other)


def test_without_a_word_of_how_a_run_was_begun_the_folders_above_a_spec_count(project: Path) -> None:
    inside, above = read(project / "one/specs", "a.cog"), read(project, "two/specs/a.cog")
    with contextlib.chdir(project / "one"):
        bundle = read(project / "one", "specs/a.cog")
        assert is_same(bundle, "specs/a.cog", inside.hash)
        assert not is_same(bundle, "specs/a.cog", above.hash)  # nothing says that `two` was what is `one` here
        assert not is_same(bundle, "specs/a.cog", "0" * 64) and not is_same(bundle, "specs/a.cog", None)


def test_another_program_or_a_part_that_was_moved_is_another_one(project: Path) -> None:
    before = read(project / "one", "specs/a.cog").hash
    place = project / "two" / "specs"
    (place / "a.cog").write_text(SPEC.replace("f(n) }", "f(n + 1) }"))
    with contextlib.chdir(project / "two"):
        assert not is_same(read(project / "two", "specs/a.cog"), "specs/a.cog", before)
        (place / "parts").rename(place / "moved")
        (place / "a.cog").write_text(SPEC.replace("parts/", "moved/"))
        assert not is_same(read(project / "two", "specs/a.cog"), "specs/a.cog", before)


def test_a_replay_from_another_folder_warns_of_nothing(project: Path) -> None:
    journal = str(project / "j")
    done = cogc_here("run", "specs/a.cog", "--sim", "--record", journal, "--input", "x=1", cwd=project / "one")
    assert done.stdout == "y: 2\n" and done.returncode == 0, done.stderr
    for place, spec in (
        ("one/specs", "a.cog"),
        (".", "one/specs/a.cog"),
        (".", "two/specs/a.cog"),
        ("two", "specs/a.cog"),
    ):
        done = cogc_here("run", spec, "--replay", journal, cwd=project / place)
        assert done.stdout == "y: 2\n" and "another version" not in done.stderr and done.returncode == 0, place
    (project / "two/specs/a.cog").write_text(SPEC.replace("f(n) }", "f(n) + 0 }"))
    done = cogc_here("run", "two/specs/a.cog", "--replay", journal, cwd=project)
    assert "warning: the journal was recorded from another version of this program" in done.stderr


def test_a_spec_that_was_named_by_its_absolute_path_is_known_by_another(project: Path) -> None:
    (project / "one/specs/a.cog").write_text(SPEC.replace('import "parts/b.cog"\n', "").replace("g(n)", "f(n)"))
    absolute, near = read(project, str(project / "one/specs/a.cog")), read(project / "one", "specs/a.cog")
    assert absolute.hash != near.hash
    with contextlib.chdir(project / "one"):
        assert is_same(near, "specs/a.cog", absolute.hash)
        assert is_same(absolute, str(project / "one/specs/a.cog"), near.hash)


def test_a_run_that_goes_on_from_another_folder_has_the_same_program(project: Path) -> None:
    keep = ("--instance", "i", "--state", str(project / "state"))
    done = cogc_here("run", "specs/a.cog", "--sim", *keep, "--input", "x=1", cwd=project / "one")
    assert done.stdout == "y: 2\n", done.stderr
    journal = project / "state/instances/i/journal.jsonl"
    *lines, end = journal.read_bytes().splitlines(keepends=True)
    assert b'"end"' in end
    journal.write_bytes(b"".join(lines))  # as if it had been killed
    for place, spec, changes in (
        ("one/specs", "a.cog", False),
        (".", "two/specs/a.cog", False),
        (".", "two/specs/a.cog", True),
    ):
        if changes:
            (project / spec).write_text(SPEC.replace("f(n) }", "f(n) + 0 }"))
        done = cogc_here("run", spec, *keep, cwd=project / place)
        assert "goes on after" in done.stderr and ("the program has changed since" in done.stderr) is changes, (
            done.stderr
        )
        journal.write_bytes(b"".join(lines))
