"""The command line as its users meet it: exit codes, outputs, no traceback whatever comes."""

from __future__ import annotations

import errno
import json
import re
import shlex
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cogc.cli import COMMANDS, main
from cogc.commands import agents, refusal
from cogc.commands.check import Plain
from cogc.commands.run import prepare
from support import console
from support.cli import cogc, cogc_here
from support.paths import ROOT
from support.state import state
from support.traces import Written
from support.waiting import DEADLINE

EXAMPLES = ROOT / "examples"


# ---- README and pages ----------------------------------------------------------------------------------------


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_the_readmes_commands_work_and_say_what_it_shows() -> None:
    commands = [c for c in console.commands("README.md") if "examples/feature" not in c]  # test_workflows.py runs these
    assert len(commands) >= 6
    outputs = {}
    for command in commands:
        done = cogc(*shlex.split(command)[1:])
        assert done.returncode == 0, (command, done.stderr)
        outputs[command] = done.stdout
    assert blocks("README.md", "json")[0] in outputs.values()


def test_the_readmes_mistakes_are_said_as_it_shows() -> None:
    shown = blocks("README.md", "console")[0]
    command, _, expected = shown.partition("\n")
    assert cogc(*command.split()[2:]).stdout == expected


def test_the_readmes_yaml_checks(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text(blocks("README.md", "yaml")[0])
    assert cogc_here("check", tmp_path / "x.yml").returncode == 0


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_command_takes_an_abbreviation_of_an_option(name: str) -> None:
    assert cogc_here(name, "--help").returncode == 0
    assert cogc_here(name, "--hel").returncode == 2


def test_an_abbreviation_of_watch_watches_nothing() -> None:
    for words in (("--vers",), ("test", "examples/tree", "--wat"), ("trace", "show", "x", "--fol")):
        done = cogc_here(*words)
        assert done.returncode == 2 and f"takes no `{words[-1]}`" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chekc", "x"], "`cogc` has no command `chekc`; did you mean `check`?"),
        (["nonsense"], "`cogc` has no command `nonsense`; `cogc --help` lists what there is"),
        (["run", "x", "--sed", "1"], "`cogc run` takes no `--sed`; did you mean `--seed`?"),
        (["run", "x", "--trcae=y"], "`cogc run` takes no `--trcae`; did you mean `--trace`?"),
        (["serve", "x", "--port", "80"], "`cogc serve` takes no `--port`; did you mean `--serve`?"),
        (["serve", "x", "--http"], "`cogc serve` takes no `--http`; `cogc serve --help` lists what there is"),
        (
            ["explain", "COG403", "COG404"],
            "`cogc explain` takes no `COG404`; `cogc explain --help` lists what there is",
        ),
        (["--versio"], "`cogc` takes no `--versio`; did you mean `--version`?"),
        (["trace", "show", "x", "--folow"], "`cogc trace show` takes no `--folow`; did you mean `--follow`?"),
        (
            ["trace", "diff", "x", "y", "--folow"],
            "`cogc trace diff` takes no `--folow`; `cogc trace diff --help` lists what there is",
        ),
        (["run"], "`cogc run` needs SPEC; `cogc run --help` lists what there is"),
        (["run", "x", "--seed", "y"], "--seed y: write a whole number"),
        (["run", "x", "--for"], "--for: the value is missing; write --for DURATION"),
        (["run", "x", "--output", "jsn"], "--output takes no `jsn`; did you mean `json`?"),
        (["run", "x", "--output", "yaml"], "--output takes no `yaml`; write people or json"),
        (["trace", "shw", "x"], "`cogc trace` takes no `shw`; did you mean `show`?"),
        (
            ["plan", "burn", "x"],
            "`cogc plan` takes no `burn`; write list, show, approve, reject, replan or cancel",
        ),
        (["where", "nope"], "there is no file and no folder `nope`"),
    ],
)
def test_an_unknown_word_is_refused_in_one_line(words: list[str], said: str) -> None:
    done = cogc_here(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"cogc: {said}\n")


def test_a_working_directory_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as gone:
        gone.setattr("os.getcwd", Path("/nowhere").stat)
        said = refusal.of(FileNotFoundError(errno.ENOENT, "No such file"))
    assert said == (2, "the working directory: no such file")


# ---- check ---------------------------------------------------------------------------------------------------


def test_every_example_checks_without_a_word() -> None:
    folders = [p for p in sorted(EXAMPLES.iterdir()) if p.name != "mistakes"]
    assert cogc_here("check", "--strict", *folders).stdout.startswith("no problems in ")


def test_json_is_one_array_of_objects_with_places(tmp_path: Path) -> None:
    done = cogc_here("check", "--format", "json", EXAMPLES / "mistakes" / "mistakes.cog")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and len(found) == 4
    assert set(found[0]) == set(
        "code slug severity message path line column end_line end_column help related edits".split()
    )
    assert (found[0]["line"], found[0]["column"], found[0]["end_column"]) == (8, 9, 14)


def test_strict_makes_warnings_count(tmp_path: Path) -> None:
    (tmp_path / "w.cog").write_text("coglet Main { listen x: int }")
    assert cogc_here("check", tmp_path / "w.cog").returncode == 0
    assert cogc_here("check", "--strict", tmp_path / "w.cog").returncode == 1


def test_paths_alone_are_read_as_argparse_would() -> None:
    import argparse

    from cogc.commands import check

    parser = argparse.ArgumentParser()
    check.arguments(parser)
    assert vars(parser.parse_args(["a", "b"])) == vars(Plain(["a", "b"]))


def test_an_import_cycle_is_legal_and_private_names_stay(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        'import "b.cog"\ntype _P = int\ntype A = B\ncoglet Main { transmit x: A\n every 1s { x <- 1 } }'
    )
    (tmp_path / "b.cog").write_text('import "a.cog"\ntype B = int\ntype C = [A]')
    assert cogc_here("check", "a.cog", cwd=tmp_path).returncode == 0
    (tmp_path / "b.cog").write_text('import "a.cog"\ntype B = _P')
    assert "COG303" in cogc_here("check", "a.cog", cwd=tmp_path).stdout


def test_a_clash_of_imports_shows_both(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.cog").write_text("type T = int")
    (tmp_path / "main.cog").write_text('import "a.cog"\nimport "b.cog"\n')
    said = cogc_here("check", "main.cog", cwd=tmp_path).stdout
    assert "COG307" in said and "a.cog:1:6" in said and "b.cog:1:6" in said
    (tmp_path / "main.cog").write_text('import "a.cog"\nimport "b.cog" as b\ntype U = T | b.T\n')
    assert cogc_here("check", "main.cog", cwd=tmp_path).returncode == 0


NASTY = {
    "binary.cog": bytes(range(256)) * 8,
    "nul.cog": b"coglet A {\0}",
    "half.cog": b"coglet A { } # \xc3",
    "huge.cog": b"# x\n" * (9 << 18),
    "deep.cog": b"const x = " + b"[" * 50000,
    "deep2.cog": b"const x = " + b"1 - (" * 3000 + b"1" + b")" * 3000,
    "nots.cog": b"const x = " + b"not " * 20000 + b"true",
    "fields.cog": b"coglet M { listen a: any\n on a as v { log info v" + b".x" * 20000 + b" } }",
    "template.cog": b'const x = 1\nconst y = "{{ x'
    + b".a" * 5000
    + b' }}"\nconst k = "{{ '
    + b"(" * 2000
    + b"1"
    + b")" * 2000
    + b' }}"',
    "mixins.cog": b"mixin A with B { }\nmixin B with A { }\ncoglet C with A { }",
    "import.cog": b'import "nope.cog"\nimport "import.cog"\n',
    "types.cog": b"type A = B\ntype B = A\n",
    "deep.yml": b"cog: 1\nconsts: {x: " + b"[" * 50000,
    "bomb.yml": b"cog: 1\na: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10)) for i in range(12)),
    "alias.yml": b"cog: 1\ntypes: &t {a: *t}\n",
    "tab.yml": b"cog: 1\n\ttypes: 1\n",
    "norway.yml": b"cog: 1\ncoglets:\n  A: {params: {c: string}}\n  M: {create: {a: {coglet: A, args: {c: no}}}}\n",
}


@pytest.mark.parametrize("name", NASTY)
def test_no_input_shows_a_traceback_and_each_gives_a_diagnostic(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(NASTY[name])
    start = cogc if name.startswith(("deep", "fields", "template")) else cogc_here  # deep stacks are slow below pytest
    done = start("check", "--format", "json", name, cwd=tmp_path)
    assert done.returncode == 1 and json.loads(done.stdout)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbfcoglet A { }\r\n", b"# only a comment"])
def test_odd_but_right_input_is_taken(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.cog").write_bytes(content)
    assert cogc_here("check", "x.cog", cwd=tmp_path).returncode == 0


def test_missing_files_and_empty_folders_are_errors(tmp_path: Path) -> None:
    assert "COG001" in cogc_here("check", "nope.cog", cwd=tmp_path).stdout
    (tmp_path / "empty").mkdir()
    assert "COG004" in cogc_here("check", "empty", cwd=tmp_path).stdout


# ---- run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["counter/counter.cog", "--for", "3s", "--sim"], ""),
        (["crash/crash.cog", "--sim"], "result: failure 2: job 4: cannot divide 40.0 by nothing\n"),
        (["sensor/sensor.cog", "--sim", "--for", "12s"], "shown: 109\n"),
        (["tree/tree.cog", "--sim", "--for", "12s"], 'best: {"plant":"south","total":90}\n'),
        (["pipeline/pipeline.cog", "--set", "items=3"], "total: 5\n"),
        (
            ["python_program/words.cog", "--input", "text=a b a"],
            'top: [{"word":"a","count":2},{"word":"b","count":1}]\n',
        ),
        (["lint/lint.cog", "--set", "folder=examples"], 'summary: {"files":6,"findings":0}\n'),
        (
            [
                "research/research.cog",
                "--workspace",
                EXAMPLES / "research",
                "--sim",
                "--input",
                "question=a tide mill?",
            ],
            "about five hours on each. (2 parts)\n",
        ),
        (
            [
                "oncall/oncall.cog",
                "--sim",
                "--for",
                "12m",
                "--input",
                'alert={"id": "a", "text": "full"}',
                "--input",
                'alert={"id": "a", "text": "full"} at 1m',
                "--input",
                'ack={"id": "a", "by": "eve"} at 7m',
            ],
            'page: {"id":"a","to":"ada","text":"full","attempt":1}\n'
            'page: {"id":"a","to":"grace","text":"full","attempt":2}\n'
            'closed: {"id":"a","by":"eve","took":"7m"}\n',
        ),
        (
            ["triage/triage.cog", "--sim", "--input", "message=I was charged twice"],
            "billing: an order was charged twice\n",
        ),
    ],
)
def test_the_examples_run(words: list[Any], expected: str) -> None:
    done = cogc_here("run", EXAMPLES / words[0], *words[1:])
    assert done.returncode == 0 and expected in done.stdout, done.stderr


def test_the_reviewer_reads_a_real_repository(tmp_path: Path) -> None:
    place = tmp_path / "examples" / "python_program"
    place.mkdir(parents=True)
    shutil.copy(EXAMPLES / "python_program" / "words.py", place)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    done = cogc_here("run", EXAMPLES / "review" / "review.cog", "--workspace", tmp_path)
    assert done.returncode == 0 and "words.py" in done.stdout and "verdict: clean" in done.stdout, done.stderr


def test_a_failed_run_says_what_where_and_what_led_there(tmp_path: Path) -> None:
    (tmp_path / "f.cog").write_text(
        'coglet W { listen x: int\n  on x as v { fail "no {{ v }}" } }\ncoglet Main { create w = W\n on start { w.x <- 7 } }'
    )
    done = cogc_here("run", "f.cog", cwd=tmp_path)
    assert done.returncode == 3
    for words in (
        "the run failed: no 7",
        "Main/w",
        "on x",
        "f.cog:2:15",
        'on x as v { fail "no {{ v }}" }',
        "Main/w.x 7",
    ):
        assert words in done.stderr


def test_a_deadlock_is_named(tmp_path: Path) -> None:
    (tmp_path / "d.cog").write_text(
        "coglet A { listen x: int { capacity: 1 }\n transmit y: int\n on x as v { y <- v\n y <- v } }\n"
        "coglet Main { create a = A\n create b = A\n link a.y -> b.x\n on b.y as v { a.x <- v }\n on start { a.x <- 1 } }"
    )
    done = cogc_here("run", "d.cog", cwd=tmp_path)
    assert done.returncode == 3
    assert "deadlock" in done.stderr and "Main/a -> Main/b.x" in done.stderr and "Main -> Main/a.x" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "nope=1"],
        ["--set", "start"],
        ["--set", "period=soon"],
        ["--input", "x=1"],
        ["--for", "soon"],
        ["--until", "nope"],
        ["--until", "1 +"],
        ["--model", "x=anthropic:y"],
        ["--replay", "nope.jsonl"],
        ["--record", "/no/such/folder/x"],
        ["--instance", "../x"],
        ["--nonsense"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(words: list[str], tmp_path: Path) -> None:
    spec = tmp_path / "x.cog"
    spec.write_text(
        "coglet Main(start: int = 0, period: duration = 1s) { transmit n: int\n after period { n <- start } }"
    )
    done = cogc_here("run", spec, "--sim", *words, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr


def test_an_input_that_does_not_fit_is_refused_with_its_channel(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        "coglet Main { listen order: int\n listen ticket: { id: int, title: string }\n on order as o { log info o }\n on ticket as t { log info t } }"
    )
    done = cogc_here("run", "a.cog", "--input", "order=1", "--input", 'ticket={"id": 4}', cwd=tmp_path)
    assert done.returncode == 2 and "cogc: the input `ticket`: " in done.stderr


def test_a_list_of_no_agents_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    agents._show([], False)
    assert capsys.readouterr().out == "no agents\n"


def test_until_unmet_is_exit_code_3(tmp_path: Path) -> None:
    spec = EXAMPLES / "tree" / "tree.cog"
    assert cogc_here("run", spec, "--sim", "--for", "2s", "--until", "best").returncode == 3
    assert cogc_here("run", spec, "--sim", "--until", "len(best) == 2").stdout.count("best") == 2


def test_what_cannot_run_yet_says_so_and_what_has_no_root_too(tmp_path: Path) -> None:
    head = 'model m = scripted "m.yml"\nqueue T: int = memory\ncoglet C { }\n'
    (tmp_path / "m.yml").write_text("- reply: x\n")
    (tmp_path / "t.cog").write_text(head + "coglet B { on T as x when x > 1 { log info x } }")
    done = cogc_here("run", "t.cog", "--root", "B", cwd=tmp_path)
    assert done.returncode == 1 and "COG701" in done.stderr
    (tmp_path / "t.cog").write_text(head + "coglet B { on T as x { log info x } }")
    assert "COG323" in cogc_here("run", "t.cog", cwd=tmp_path).stderr
    done = cogc_here("run", "t.cog", "--root", "m", cwd=tmp_path)
    assert done.returncode == 1 and "COG306" in done.stderr


def test_trace_takes_a_value_in_two_ways(tmp_path: Path) -> None:
    assert prepare(["run", "x.cog", "--trace", "t.jsonl"]) == ["run", "x.cog", "--trace=t.jsonl"]
    assert prepare(["run", "--trace", "x.cog"]) == ["run", "--trace=", "x.cog"]
    spec = EXAMPLES / "crash" / "crash.cog"
    assert cogc_here("run", spec, "--sim", "--trace", "t.jsonl", cwd=tmp_path).returncode == 0
    shown = cogc_here("trace", "show", "t.jsonl", "--kind", "fail", "--path", "worker", cwd=tmp_path)
    assert shown.stdout.count("cannot divide") == 2
    seq = shown.stdout.split()[1]
    chain = cogc_here("trace", "show", "t.jsonl", "--cause", seq, "--json", cwd=tmp_path).stdout.splitlines()
    assert [json.loads(line)["kind"] for line in chain][-1] == "fail" and len(chain) > 2
    plain = cogc_here("run", spec, "--sim", "--trace", cwd=tmp_path)
    assert "deliver" in plain.stdout and f"the trace is in {state(EXAMPLES / 'crash')}/runs/" in plain.stderr


def test_the_same_seed_gives_the_same_trace(tmp_path: Path) -> None:
    def kept(name: str) -> list[dict[str, object]]:
        cogc_here("run", EXAMPLES / "crash" / "crash.cog", "--sim", "--seed", "7", f"--trace={name}", cwd=tmp_path)
        return [
            {k: v for k, v in json.loads(line).items() if k != "run"}
            for line in (tmp_path / name).read_text().splitlines()
        ]

    assert kept("a.jsonl") == kept("b.jsonl")


# ---- the other commands --------------------------------------------------------------------------------------


def test_init_makes_a_project_that_checks_clean_and_runs(tmp_path: Path) -> None:
    assert cogc("init", "p", cwd=tmp_path).returncode == 0
    tested = cogc("test", "p", cwd=tmp_path)
    assert tested.returncode == 0 and "2 tests in 1 file: all passed" in tested.stdout, tested.stdout + tested.stderr
    assert cogc("check", "--strict", ".", cwd=tmp_path / "p").returncode == 0
    done = cogc("run", "main.cog", "--input", "name=Ada", cwd=tmp_path / "p")
    assert done.stdout == "greeting: Good morning, Ada! The engine is warm.\n"
    assert cogc("init", "p", cwd=tmp_path).returncode == 2


def test_a_built_program_runs_like_its_spec(tmp_path: Path) -> None:
    spec = EXAMPLES / "tree" / "tree.cog"
    assert cogc("build", spec, "-o", tmp_path / "t.json").returncode == 0
    first, second = (cogc("run", s, "--sim", "--for", "12s") for s in (spec, tmp_path / "t.json"))
    assert first.stdout == second.stdout != ""
    (tmp_path / "t.json").write_text("{}")
    assert "COG702" in cogc("run", tmp_path / "t.json").stderr


def test_convert_goes_both_ways(tmp_path: Path) -> None:
    spec = EXAMPLES / "trial" / "trial.cog"
    assert cogc_here("convert", spec, "-o", tmp_path / "t.yml").returncode == 0
    assert cogc_here("convert", tmp_path / "t.yml", "-o", tmp_path / "t.cog").returncode == 0
    for name in ("advocates.yml", "jurors.yml"):
        shutil.copy(spec.parent / name, tmp_path)
    runs = [
        cogc_here("run", s, "--root", "Trial", "--sim", "--input", "motion=x").stdout
        for s in (spec, tmp_path / "t.yml", tmp_path / "t.cog")
    ]
    assert runs[0] == runs[1] == runs[2] != ""


def test_explain_knows_codes_and_slugs_and_suggests() -> None:
    assert cogc_here("explain", "COG302").stdout == cogc_here("explain", "unknown-name").stdout != ""
    assert cogc_here("explain", "302").stdout == cogc_here("explain", "COG302").stdout
    done = cogc_here("explain", "COG3020")
    assert done.returncode == 2 and "did you mean" in done.stderr
    assert "`cogc rules` lists them" in cogc_here("explain", "restart").stderr


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0 and capsys.readouterr().out.startswith("cogc ")
    assert main([]) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits_into_80_columns_and_explains_every_option(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.splitlines()) <= 82  # argparse does not break a list of choices
    assert f"`cogc {command}" in text and "xit code" in text
    parser = ArgumentParser()
    import_module(f"cogc.commands.{command}").arguments(parser)
    assert [a.dest for a in parser._actions if a.help is None and a.dest != "action"] == []


@pytest.mark.parametrize(
    ("declarations", "help"),
    [
        ("sett A {W}\nsett B {W}", "name one with `--root NAME`: `A`, `B`"),
        ("queue a: int = memory\nqueue b: int = memory", "name one with `--root NAME`: `a`, `b`"),
        ("const A = 1", "declare `coglet Main { ... }`"),
    ],
)
def test_a_file_without_a_root_names_everything_that_could_be_one(declarations: str, help: str, tmp_path: Path) -> None:
    body = '{ agent W { bid: exclusive when artefact.type == "GoalDefined", command: ["./w"] } }'
    spec = tmp_path / "s.cog"
    spec.write_text(declarations.replace("{W}", body))
    done = cogc_here("run", str(spec))
    assert done.returncode == 1 and "nothing to run" in done.stderr and f"  help: {help}\n" in done.stderr


# ---- graphs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trial/trial.cog", "tree/tree.cog", "counter/counter.cog"])
def test_graphs(name: str, tmp_path: Path, golden: object) -> None:
    for format in ("text", "mermaid", "dot", "svg", "json"):
        done = cogc_here("graph", f"examples/{name}", "--format", format)
        assert done.returncode == 0
        if format in ("text", "mermaid"):
            golden(f"graph/{Path(name).stem}.{format}", done.stdout)  # type: ignore[operator]
        if format == "dot" and shutil.which("dot"):
            subprocess.run(["dot", "-Tsvg"], input=done.stdout, text=True, check=True, capture_output=True)
        if format == "svg":
            import xml.etree.ElementTree

            assert xml.etree.ElementTree.fromstring(done.stdout).tag.endswith("svg")
        if format == "json":
            assert {"boxes", "edges"} == set(json.loads(done.stdout))


def test_mermaid_takes_its_output(tmp_path: Path) -> None:
    folder = ROOT / "tests" / "mermaid"
    if not shutil.which("node") or not (folder / "node_modules").is_dir():
        pytest.skip("node or mermaid is not here: npm install in tests/mermaid")
    files = []
    for spec in sorted(EXAMPLES.glob("*/*.cog")):
        if spec.parent.name != "mistakes":
            files.append(tmp_path / f"{spec.stem}.mmd")
            files[-1].write_text(cogc_here("graph", spec, "--format", "mermaid").stdout)
    steps = [{"id": "plan", "status": "in_progress"}, {"id": "research", "status": "failed"}]
    made = Written()
    made.add(0.0, "create", "Feature", coglet="Feature")
    made.add(0.0, "state", "Feature", name="·plan", data={"id": "p", "status": "executing", "steps": steps})
    at = ("--trace", made.save(tmp_path / "t.jsonl"))
    files.append(tmp_path / "coloured.mmd")
    files[-1].write_text(cogc_here("graph", EXAMPLES / "feature", "--format", "mermaid", *at).stdout)
    assert "class n3 failed" in files[-1].read_text()
    (tmp_path / "many.cog").write_text(
        "coglet W {}\ncoglet Main {" + "".join(f"create w{n} = W\n" for n in range(20)) + "}"
    )
    files.append(tmp_path / "many.mmd")
    files[-1].write_text(cogc_here("graph", tmp_path / "many.cog", "--format", "mermaid").stdout)
    assert " ~~~ " in files[-1].read_text()
    done = subprocess.run(["node", folder / "parse.mjs", *files], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr


def test_output_to_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m cogc graph examples/trial/trial.cog | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "Trial\n" and done.stderr == ""


@pytest.mark.parametrize("moment", ["cogc.commands.streams.guard", "cogc.commands.refusal.report"])
def test_an_interruption_while_a_command_starts_or_ends_is_no_traceback(moment: str) -> None:
    module, _, name = moment.rpartition(".")
    code = (
        f"import importlib, os, signal, sys; sys.argv = ['cogc', 'nothing']; module = importlib.import_module({module!r});"
        f"module.{name} = lambda *given: os.kill(os.getpid(), signal.SIGINT) or 0; from cogc.cli import main; raise SystemExit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
