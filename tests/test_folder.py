"""Folders `NAME.cog`, and classes written for upstream's `coglet` package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.cli import cogc
from support.paths import ROOT

GOOD = '[coglet]\nclass = "counter.Counter"\n'
COUNTER = '''
from coglet import CogBase, Coglet, Command, LifeLet, TickLet, enact, every, listen
from coglet.loglet import LogLet
from helper import STEP
class Base(Coglet):
    """A base in the folder."""
    @listen("more")
    async def more(self, n):
        self.n += n
class Counter(Base, LifeLet, TickLet, LogLet):
    """Counts up."""
    def __init__(self, start: int = 5, factory=list, *, by=STEP):
        super().__init__()
        self.n = start
        self.by = by
    async def on_start(self):
        await super().on_start()
        await self.transmit("count", self.n)
    @every(1, "s")
    async def beat(self):
        self.n += self.by
        await self.transmit("count", self.n)
        await self.log("info", {"n": self.n})
    @enact("reset")
    async def reset(self, to=0):
        self.n = to
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "counter.cog"
    made.mkdir()
    (made / "manifest.toml").write_text(GOOD)
    (made / "counter.py").write_text(COUNTER)
    (made / "helper.py").write_text("STEP = 2\n")
    return made


def test_a_folder_runs_wherever_a_spec_does(folder: Path) -> None:
    place = folder.parent
    for name in ("counter.cog", "counter.cog/", "."):
        done = cogc("check", name, cwd=place)
        assert (done.returncode, done.stdout) == (0, "no problems in 1 file\n"), done.stdout + done.stderr
    done = cogc("run", "counter.cog", "--sim", "--for", "2s", "--input", "more=10", cwd=place)
    assert done.stdout == "count: 5\ncount: 17\ncount: 19\n", done.stderr
    done = cogc("run", "counter.cog", "--sim", "--for", "1s", "--set", "start=1", "--trace", "t.jsonl", cwd=place)
    assert done.stdout == "count: 1\ncount: 3\n" and '"path":"Main/counter"' in (place / "t.jsonl").read_text()
    assert "Main/counter -> Main  count (link)" in cogc("graph", "counter.cog", cwd=place).stdout
    assert cogc("build", "counter.cog", "-o", "c.json", cwd=place).returncode == 0


def test_another_spec_imports_a_folder(folder: Path) -> None:
    (folder.parent / "s.cog").write_text(
        'import "counter.cog"\ncoglet Main { transmit n: any\n create c = Counter(start: 40)\n'
        "on c.count as n { n_(n) }\n program n_(x: int) -> int = expr x\n on start { guide c.reset(to: 3) }\n link c.count -> self.n }\n"
    )
    done = cogc("run", "s.cog", "--sim", "--for", "1s", cwd=folder.parent)
    assert done.stdout == "n: 40\nn: 5\n", done.stderr
    bad = (folder.parent / "s.cog").read_text().replace("c.count ->", "c.cuont ->")
    (folder.parent / "s.cog").write_text(bad)
    assert "did you mean `count`?" in cogc("check", "s.cog", cwd=folder.parent).stdout


def test_a_restart_is_what_the_manifest_says(folder: Path) -> None:
    code = COUNTER.replace("self.n += self.by", "self.n += self.by\n        if self.n > 8: raise ValueError('8')")
    (folder / "counter.py").write_text(code)
    done = cogc("run", "counter.cog", "--sim", "--for", "3s", cwd=folder.parent)
    assert (done.returncode, done.stdout) == (0, "count: 5\ncount: 7\n")
    assert done.stderr.count("error Main/counter: ticker beat failed: 8") == 2  # the timer goes on
    (folder / "manifest.toml").write_text(GOOD + '[config]\nrestart = "on_error"\nmax_restarts = 9\nbackoff_s = 0.1\n')
    done = cogc("run", "counter.cog", "--sim", "--for", "4s", cwd=folder.parent)
    assert done.stdout == "count: 5\ncount: 7\ncount: 5\ncount: 7\n", done.stderr


@pytest.mark.parametrize(
    ("manifest", "code", "said"),
    [
        ("[coglet\n", COUNTER, "manifest.toml:1:1: error: in `counter.cog/manifest.toml`: Expected"),
        ("[cog]\n", COUNTER, "manifest.toml:1:2: error: in `counter.cog/manifest.toml`: there is no table `cog`"),
        ("", COUNTER, "it has no table `[coglet]`"),
        ("[coglet]\nclas = 'a.B'\n", COUNTER, "manifest.toml:2:1: error: in"),
        ("[coglet]\nclas = 'a.B'\n", COUNTER, "did you mean `class`?"),
        ("[coglet]\nclass = 'Counter'\n", COUNTER, "`class` names a module and a class in it"),
        ("[coglet]\nclass = 'counter.Countr'\n", COUNTER, "module `counter` has no class `Countr`"),
        ("[coglet]\nclass = 'count.Counter'\n", COUNTER, "the folder has no module `count`"),
        (GOOD + "restart = 'maybe'\n", COUNTER, "manifest.toml:3:1: error: in `counter.cog/manifest.toml`: `restart`"),
        (GOOD + "max_restarts = -1\n", COUNTER, "`max_restarts` is no number of restarts"),
        (GOOD + "backoff_s = 'x'\n", COUNTER, "`backoff_s` is no number of seconds"),
        (GOOD + "kwargs = 3\n", COUNTER, "`kwargs` is no table"),
        (GOOD + "[coglet.kwargs]\nstart = 2020-01-01\n", COUNTER, "`start` is no value of the language"),
        (GOOD + "[config]\nrestarts = 3\n", COUNTER, "`[config]` has no key `restarts`"),
        (GOOD + "restart = 'never'\n[config]\nrestart = 'never'\n", COUNTER, "`restart` stands in both tables"),
        (GOOD + "[coglet.kwargs]\n'a b' = 1\n", COUNTER, "`a b` is no name of a parameter"),
        (GOOD, "class Counter(:\n", "counter.cog/counter.py:1:1: error: in `counter.cog/counter.py`: line 1"),
        (GOOD, COUNTER.replace('"more"', '"in"'), "the class has a listen called 'in'"),
        (GOOD, COUNTER.replace("start: int = 5", "let"), "the class takes a parameter called `let`"),
    ],
    ids=range(19),
)
def test_what_is_wrong_with_a_folder_has_a_place(folder: Path, manifest: str, code: str, said: str) -> None:
    (folder / "manifest.toml").write_text(manifest)
    (folder / "counter.py").write_text(code)
    done = cogc("check", "counter.cog", cwd=folder.parent)
    assert done.returncode == 1 and said in done.stdout and "[COG006]" in done.stdout, done.stdout + done.stderr


def test_a_folder_without_a_manifest_is_said_to_have_none(tmp_path: Path) -> None:
    (tmp_path / "x.cog").mkdir()
    done = cogc("check", "x.cog", cwd=tmp_path)
    assert done.returncode == 1 and "cannot read `x.cog/manifest.toml`" in done.stdout


def test_the_code_is_the_truth_about_channels(folder: Path) -> None:
    (folder / "counter.py").write_text(
        COUNTER.replace('@listen("more")', '@listen("mo" + "re")').replace('transmit("count"', 'transmit("co" + "unt"')
    )
    done = cogc("run", "counter.cog", "--sim", "--for", "1s", "--trace", "t.jsonl", cwd=folder.parent)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr  # the scan does not see the channel, the run does
    assert '"kind":"transmit","path":"Main/counter","cause":2,"channel":"count","data":7' in _spaceless(folder)


def _spaceless(folder: Path) -> str:
    text = (folder.parent / "t.jsonl").read_text()
    return re.sub(r'"cause":\d+', '"cause":2', text)


def test_hyphens_of_names_are_underscores_in_a_spec(folder: Path) -> None:
    code = COUNTER.replace('"more"', '"one-more"').replace('"count"', '"the-count"').replace('"reset"', '"re-set"')
    (folder / "counter.py").write_text(code)
    done = cogc("run", "counter.cog", "--sim", "--for", "1s", "--input", "one_more=10", cwd=folder.parent)
    assert done.stdout == "the_count: 5\nthe_count: 17\n", done.stderr
    (folder.parent / "s.cog").write_text(
        'import "counter.cog"\ncoglet Main { transmit n: any\n create c = Counter(start: 40)\n'
        "on start { guide c.re_set(to: 3) }\n link c.the_count -> self.n }\n"
    )
    done = cogc("run", "s.cog", "--sim", "--for", "1s", cwd=folder.parent)
    assert done.stdout == "n: 40\nn: 5\n", done.stderr


def test_what_has_changed_in_the_code_is_seen_by_the_next_check(folder: Path) -> None:
    assert cogc("check", "counter.cog", cwd=folder.parent).returncode == 0
    (folder / "counter.py").write_text("class Counter(:")
    assert cogc("check", "counter.cog", cwd=folder.parent).returncode == 1


def test_the_example_folder_runs() -> None:
    done = cogc("run", "examples/multi.cog", "--sim", "--for", "4s", "--input", "number=5", cwd=ROOT)
    assert done.stdout == "squared: 25\nsquared: 121\nsquared: 144\nsquared: 196\n", done.stderr
