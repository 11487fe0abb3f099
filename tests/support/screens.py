"""The pictures of `specs/view.md`: each pane of the viewer over a run of an example, as SVG.

    PYTHONPATH=tests python -m support.screens FOLDER

The runs are simulated, so that the same pictures come out. They hold no font: a browser draws them in its own.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from cogc.diagnostics.problems import Problems
from cogc.loading import bundle_of
from cogc.screens.view.app import ViewApp
from cogc.screens.view.model import View
from cogc.traces.index import Index
from support.cli import cogc_here
from support.traces import everything

SIZE = (104, 28)
EXAMPLES = Path("examples")
QUESTION: list[object] = ["--workspace", EXAMPLES / "research", "--input", "question=How does a tide mill work?"]


class Picture(NamedTuple):
    """A picture of a pane: the example with the words of its run (none for the made-up trace), the record that is looked at as its kind and
    which of them, and the keys that are pressed then."""

    pane: str
    example: str
    words: list[object]
    kind: str
    which: int
    keys: str = ""


PICTURES = [
    Picture("messages", "research", QUESTION, "reply", 2),
    Picture("tree", "crash", [], "fail", 0),
    Picture("timeline", "research", QUESTION, "call", 2),
    Picture("causes", "research", QUESTION, "result", 1),
    Picture("spec", "counter", ["--for", "5s"], "log", 1),
    Picture("talks", "research", QUESTION, "reply", 0),
    Picture("work", "", [], "output", 0),
    Picture("failures", "crash", [], "fail", 0),
]


def draw(picture: Picture, folder: Path, size: tuple[int, int] = SIZE) -> str:
    """Return a picture as SVG. `folder` gets the trace of the run."""
    spec = str(EXAMPLES / picture.example / f"{picture.example}.cog")
    trace = folder / f"{picture.example or 'made-up'}.jsonl"
    if not picture.example:
        everything().save(trace)
    elif not trace.exists():
        done = cogc_here("run", spec, "--sim", "--seed", "1", *picture.words, f"--trace={trace}")
        assert trace.exists(), done.stderr

    async def main(view: View) -> str:
        app = ViewApp(view, lambda form, file, rows: "", pane=picture.pane)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await pilot.press(*picture.keys)
            app.look()  # now, since the first look would say that the trace has grown
            app.grown = 0.0  # long ago: the line at the top says the same each time
            app.sync()
            await pilot.pause()
            return app.export_screenshot(title=f"cogc view {trace.name}")

    with Index(str(trace)) as index:
        program = (lambda: bundle_of(spec, None, frozenset(), Problems())) if picture.example else (lambda: None)
        view = View(index.read(), trace.name, program, spec)
        view.go(list(index.of_kind(picture.kind))[picture.which])
        return slim(asyncio.run(main(view)))


def slim(svg: str) -> str:
    """Return a picture without the fonts that it would load from elsewhere, and with names of its own that do not change."""
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+-", "t-", svg)
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"


def main(target: Path) -> None:
    """Write all pictures to a folder."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for picture in PICTURES:
            (target / f"{picture.pane}.svg").write_text(draw(picture, Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
