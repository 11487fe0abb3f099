"""The JSON Schemas: current, valid, and of one mind with the checker."""

from __future__ import annotations

import functools
import io
import json
import random
import re
import zlib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cogc import built
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language import functions, types
from cogc.language.builtins import FUNCTIONS, RUN_TIME_ONLY
from cogc.run import line_forms, trace_filter
from cogc.run.journal import Journal, load
from cogc.run.replay import Divergence, replay
from cogc.run.scripted import Scripted
from cogc.syntax import parse_cog, write_yaml
from cogc.testing.recording import BadRecording, load as load_live
from grammar import make_schemas
from support.cli import cogc_here
from support.paths import ROOT
from support.sessions import session
from support.sim import Sim
from support.specs import build, check_text, codes

YAML = jsonschema.Draft202012Validator(json.loads((ROOT / "grammar" / "cog.schema.json").read_text()))
TRACE = json.loads((ROOT / "grammar" / "trace.schema.json").read_text())


files = functools.cache(make_schemas.files)


@pytest.mark.parametrize("name", sorted(n for n in files() if "draft-07" not in n))
def test_the_schemas_are_current_and_valid(name: str) -> None:
    text = (ROOT / "grammar" / name).read_text()
    assert text == files()[name]
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("name", ["cog", "ir", "trace", "script", "lock", "journal", "live"])
def test_the_schemas_for_editors_are_current_valid_and_have_no_word_of_a_later_draft(name: str) -> None:
    file = f"{name}.draft-07.schema.json"
    text = (ROOT / "grammar" / file).read_text()
    assert text == files()[file], "run `make schemas`"
    schema = json.loads(text)
    jsonschema.Draft7Validator.check_schema(schema)
    assert not re.search(r'"(\$defs|prefixItems|dependentRequired|unevaluated\w+|\$dynamicRef)"', text)
    assert cogc_here("schema", name, "--draft-07").stdout == text
    assert cogc_here("schema", name).stdout == (ROOT / "grammar" / f"{name}.schema.json").read_text()


def test_commands_and_the_page_know_the_kinds_of_the_schema() -> None:
    assert set(trace_filter.KINDS) == set(make_schemas.TRACE_KINDS)
    panel = (ROOT / "cogc" / "web" / "panels" / "trace.js").read_text()
    assert f'"{" ".join(sorted(trace_filter.KINDS))}".split' in panel


def test_both_drafts_take_and_refuse_the_same() -> None:
    older = jsonschema.Draft7Validator(json.loads((ROOT / "grammar" / "cog.draft-07.schema.json").read_text()))
    good = {"cog": 1, "coglets": {"Main": {"listen": {"x": "int"}}}}
    for spec in (good, {"cog": 2}, {"cog": 1, "coglets": ["Main"]}, {"cog": 1, "teams": {"T": {"lead": "A"}}}):
        assert older.is_valid(spec) == YAML.is_valid(spec) == (spec is good)


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (ROOT / "examples").glob("*/*.cog") if p.stem not in ("mistakes", "recipes")),
    ids=lambda p: p.stem,
)
def test_what_the_checker_takes_the_schema_takes(path: object) -> None:
    tree = parse_cog.parse(Source("x", path.read_text()), Problems())  # type: ignore[attr-defined]
    written = re.sub(r"(?m)^(\s*(?:- )?)on:", r"\1'on':", write_yaml.file(tree))  # PyYAML reads `on` as YAML 1.1 does
    YAML.validate(yaml.safe_load(written))


@pytest.mark.parametrize(
    "text",
    [
        "cog: 1\ncoglets: [Main]",
        "cog: 2\n",
        "cog: 1\ncoglets:\n  Main:\n    listn: {x: int}",
        "cog: 1\ncoglets:\n  Main:\n    create:\n      a: {coglet: A, restart: sometimes}",
        "cog: 1\nprograms:\n  p: {params: {x: int}}",
        "cog: 1\nteams:\n  T: {lead: A}",
    ],
)
def test_what_the_schema_refuses_the_checker_refuses(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        YAML.validate(yaml.safe_load(text))
    assert codes(text, "spec.yml")


def test_every_trace_record_is_of_the_schema_and_its_causes_are_a_chain() -> None:
    text = """
    coglet W with LogLet { listen x: int { capacity: 1 }
      transmit y: int
      program f(v: int) -> int = shell ["true"]
      on x as v { log info "x"
        if v == 3 { fail "three" }
        y <- f(v) }
      enact hey { } }
    coglet Main { listen go: int
      transmit seen: any
      create w = W { restart: on_error }
      link self.go -> w.x
      every 1s { guide w.hey() }
      on w.y as v { seen <- v } }
    """
    sim = Sim(text, traced=True)
    sim.answers["f"] = lambda v: v
    sim.send("go", 1).send("go", 3).run(3)
    sim.kernel.stop()
    sim.settle()
    assert sim.kernel.trace is not None
    records = sim.kernel.trace.take()
    validator = jsonschema.Draft202012Validator(TRACE)
    assert {"create", "transmit", "deliver", "call", "result", "fail", "restart", "output", "stop"} <= {
        r["kind"] for r in records
    }
    for record in records:
        validator.validate(record)
    assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
    assert all(r["cause"] < r["seq"] for r in records)
    by_seq = {r["seq"]: r for r in records}
    output = next(r for r in records if r["kind"] == "output")
    chain = []
    while output:
        chain.append(output["kind"])
        output = by_seq.get(output["cause"])
    assert chain[-1] == "input"


def test_a_built_program_is_of_its_schema_stable_and_hashed() -> None:
    bundle = build((ROOT / "examples" / "trial" / "trial.cog").read_text(), "Trial")
    data = built.encode(bundle)
    jsonschema.validate(json.loads(data), json.loads((ROOT / "grammar" / "ir.schema.json").read_text()))
    assert built.decode(data) == bundle and built.encode(built.decode(data)) == data
    with pytest.raises(ValueError, match="hash"):
        built.decode(data.replace(b'"Juror"', b'"Jurox"'))


def test_a_built_program_is_read_whatever_its_models_cost() -> None:
    names = sorted(json.loads((ROOT / "stdlib" / "models.json").read_text())["models"])
    for name in names:
        bundle = build(f'model m = anthropic "{name}"\nagent A {{ model: m }}', "A")
        assert built.decode(built.encode(bundle)) == bundle, name


def test_a_quoted_word_means_the_same_as_a_plain_one() -> None:
    spec = """
    coglet Child { listen a: int { overflow: block }; on a as v { } }
    coglet Main { create c = Child * 2 { restart: always, map: round_robin }; on start { c.a <- 1 } }
    """
    plain, quoted = spec, spec
    for word in ("block", "always", "round_robin"):
        quoted = quoted.replace(f": {word}", f': "{word}"')
    assert quoted.count('"') == 6
    assert build(quoted).hash == build(plain).hash == built.decode(built.encode(build(plain))).hash
    assert build(quoted).coglets["Main"].children[0].restart == "always"


def test_types_lower_to_json_schema() -> None:
    vote = types.RecordOf((types.FieldOf("vote", types.UnionOf((types.LiteralOf("string", "yes"), types.NULL))),
                           types.FieldOf("weight", types.FLOAT, True, "1.0")))  # fmt: skip
    schema = types.json_schema(types.ListOf(vote))
    jsonschema.validate([{"vote": "yes"}, {"vote": None, "weight": 2}], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([{"vote": "no"}], schema)


def test_the_built_in_functions_of_checker_and_kernel_are_the_same() -> None:
    assert set(FUNCTIONS) == set(functions.FUNCTIONS) | RUN_TIME_ONLY


RULE = {"when": {"prompt": "a"}, "reply": 1}
ITEMS = [
    "text", 5, None, ["a"], {"reply": "x"}, RULE, {"when": "a", "tools": [{"name": "f", "input": {"n": 1}}]}, {"error": "no"}, {"free": "record"},
    {"error": {"message": "no", "status": 529, "retry": True, "after": 1.5}}, {"reply": 1, "delay": "2s", "times": 2, "usage": {"input": 5}},
    {"when": {"promt": "a"}, "reply": 1}, {"when": {"prompt": 5}, "reply": 1}, {"reply": 1, "error": "x"}, {"when": "a"}, {"reply": 1, "tmes": 2},
    {"tools": {"name": "f"}}, {"tools": [{"input": {}}]}, {"tools": [{"name": 5}]}, {"tools": [{"name": "f", "args": {}}]}, {"tools": ["f"]},
    {"error": {"message": "x", "code": 5}}, {"error": {"status": "529"}}, {"error": {"retry": 1}}, {"error": {"after": "5"}}, {"error": {"status": True}},
    {"reply": 1, "times": -1}, {"reply": 1, "times": "2"}, {"reply": 1, "usage": 5}, {"reply": 1, "usage": {"input": -1}}, {"reply": 1, "usage": {"inputs": 1}}, {"reply": 1, "usage": {"thinking": 1}},
]  # fmt: skip


@pytest.mark.parametrize("item", ITEMS, ids=repr)
def test_the_schema_of_scripts_takes_what_a_run_takes(item: object) -> None:
    schema = json.loads((ROOT / "grammar" / "script.schema.json").read_text())
    taken = jsonschema.Draft202012Validator(schema).is_valid([item])
    try:
        Scripted([item], "s.yml")
    except ValueError as error:
        assert not taken, error
    else:
        assert taken


def test_a_mistake_in_a_script_has_file_line_and_what_fits(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text("- hello\n- when: { promt: x }\n  reply: 5\n")
    with pytest.raises(
        ValueError,
        match=r"s\.yml:2: item 2: `when` has no key `promt`; its keys are conversation, path, program, prompt, system",
    ):
        Scripted.load(tmp_path / "s.yml")


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ({"servers": {"s": {"tools": {"find": {"input": {"type": "object"}}}}}}, ""), ({"servers": {}}, ""), ({"servers": []}, "1:1: no lock"), ([], "1:1: no lock"),
        ({"servers": {"s": 5}}, "3:3: `servers.s.tools` is to be an object"), ({"servers": {"s": {"tools": {"find": 5}}}}, "5:5: `servers.s.tools.find`"),
        ({"servers": {"find": {"tools": {}}, "s": {"tools": {"a": {"input": {"find": [{"find": {}}]}}, "find": 5}}}}, "17:5: `servers.s.tools.find`"),
        ({"servers": {"s": {"tools": {"find": {}}}}}, "5:5: `servers.s.tools.find.input` is to be an object"),
        ({"servers": {"s": {"tools": {"find": {"input": {}, "description": 5}}}}}, "7:6: description` is to be a text"),
        ({"servers": {"s": {"tools": {"find": {"input": {}, "output": "x"}}}}}, "7:6: output` is to be an object"),
    ],
)  # fmt: skip
def test_a_lock_file_is_held_to_its_schema(lock: object, said: str) -> None:
    schema = json.loads((ROOT / "grammar" / "lock.schema.json").read_text())
    assert jsonschema.Draft202012Validator(schema).is_valid(lock) == (not said)
    spec = 'mcp s = stdio ["true"]\ncoglet Main { transmit o: int\n on start { o <- 1 } }'
    _, found = check_text(spec, **{"cogc.lock.json": json.dumps(lock, indent=1)})
    place, _, words = said.partition(": ")
    assert ["{}:{}".format(*d.span.position()) for d in found] == ([place] if said else [])
    assert all(words in d.message and d.span.source.path == "cogc.lock.json" for d in found)


def test_the_lines_of_a_recording_have_their_schema() -> None:
    validator = jsonschema.Draft202012Validator(json.loads((ROOT / "grammar" / "journal.schema.json").read_text()))
    file = io.BytesIO()
    bundle = build("coglet Main { listen x: int\n transmit o: int\n on x as v { o <- v } }", "Main")
    session(bundle, inputs=[("x", 1)], sim=True, journal=Journal(file, {"run": "r", "seed": 0, "epoch": 0}))
    lines = file.getvalue().splitlines()
    assert len(lines) > 3
    for line in lines:
        validator.validate(json.loads(line))


HEAD = {"journal": 5, "run": "r", "seed": 0, "epoch": 0, "program": "p"}
JOURNALED = [
    ([0, 0, "start", {}, []], ""), ([0, 0, "start", {}, [["Main", "n", 5]]], ""), ([1, 5, "time"], ""), ([0, 0, "input", "x", 5, True], ""), ([3, 0, "end", "completed"], ""),
    ([0, 0, "call", 1, "d", "f", "Main", "{}"], ""), ([0, 0, "told", 1, "sent", "x", 5, {}], ""), ([0, 0, "stop"], ""),
    ([0, "start", {}, []], "two whole numbers"), ([-1, 0, "time"], "two whole numbers"), (5, "a line is"), ({"a": 1}, "a line is"), ([0, 0, 5], "there is no line of the kind 5"),
    ([0, 0, "strat", {}, []], "there is no line of the kind \"strat\"; the kinds are call,"), ([0, 0, "start", [], []], "`parameters` of `start` is a record, not []"),
    ([0, 0, "start", {}, [["Main", 5, 5]]], "`kept` of `start` is a list of [path, name, value]"), ([0, 0, "result", 1], "`result` has no `value`; it takes call: a whole number from 0, value"),
    ([0, 0, "result", "1", 5], "`call` of `result` is a whole number from 0, not \"1\""), ([0, 0, "result", True, 5], "`call` of `result`"), ([0, 0, "delta", 1, 5], "`piece` of `delta` is a text, not 5"),
    ([0, 0, "time", 5], "`time` has 1 items; it takes nothing"), ([0, 0, "input", "x", 5, 1], "`given` of `input` is true or false, not 1"), ([0, 0, "look"], "there is no line of the kind"),
]  # fmt: skip


def recording(head: dict[str, Any], *lines: object) -> bytes:
    """Return a recording whose checksums are right, whatever stands in its lines."""
    checksum, found = 0, b""
    for line in (head, *lines):
        written, text = json.dumps(line).encode(), b""
        key = b'"sum":' if written.endswith(b"}") else b""
        checksum = zlib.crc32(written, checksum)  # as the versions before 7 have it
        text = b'%s,%s"%08x"%s' % (written[:-1], key, checksum, written[-1:])
        found += text + b"\n"
    return found


@pytest.mark.parametrize(("line", "said"), JOURNALED, ids=repr)
def test_a_line_of_a_recording_is_held_to_its_schema(line: Any, said: str) -> None:
    schema = json.loads((ROOT / "grammar" / "journal.schema.json").read_text())
    whole = [*line, "12345678"] if isinstance(line, list) else line
    assert jsonschema.Draft202012Validator(schema).is_valid(whole) == (not said or line == [0, 0, "look"])
    data = recording(HEAD, [0, 0, "start", {}, []], line, [9, 9, "end"])
    if not said:
        assert load(data).over
        return
    with pytest.raises(ValueError) as refused:
        load(data)
    assert str(refused.value).startswith("line 3") and (said in str(refused.value) or not isinstance(line, list))


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"journal": 5}, "line 1: the line has no `run`; it takes journal: a whole number from 0, run: a text"),
        ({**HEAD, "seed": "5"}, 'line 1: `seed` of the line is a whole number, not "5"'),
        ({**HEAD, "program": 5}, "line 1: `program` of the line is a text, not 5"),
    ],
)
def test_the_first_line_of_a_recording_is_held_to_its_schema(head: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="line 1") as refused:
        load(recording(head, [0, 0, "stop"]))
    assert str(refused.value).startswith(said)


def test_the_recording_of_a_sett_has_lines_of_its_own() -> None:
    sett = {**HEAD, "sett": "Build it."}
    assert load(recording(sett, [0, 1, "look"], [0, 1, "result", [1, {}]], [0, 2, "end"])).over
    with pytest.raises(
        ValueError, match="line 2: `result` of `result` is a list of the number of a call and its value"
    ):
        load(recording(sett, [0, 1, "result", [1]], [0, 2, "end"]))
    with pytest.raises(ValueError, match="line 2: there is no line of the kind"):
        load(recording(HEAD, [0, 1, "look"], [0, 2, "end"]))


LIVE = {"v": 1, "kind": "live", "file": "a.cog", "test": "t", "seed": 0, "run": 1}
SAID = {"scene": 0, "number": 1, "request": "d", "result": {}, "pieces": [], "program": "f", "prompt": "go"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (SAID, ""), ({**SAID, "pieces": [5]}, "line 3: `pieces` of the line is a list of texts, not [5]"), ({**SAID, "number": "1"}, "line 3: `number` of the line"),
        ({k: v for k, v in SAID.items() if k != "result"}, "line 3: the line has no `result`; it takes scene: "), ({**SAID, "more": 1}, "line 3: the line has no `more`; it is a record of scene: "),
        ([], "line 3: the line is a record of scene: a whole number from 0, number: "),
    ],
)  # fmt: skip
def test_the_recording_of_a_live_run_is_held_to_its_schema(line: object, said: str, tmp_path: Path) -> None:
    schema = jsonschema.Draft202012Validator(json.loads((ROOT / "grammar" / "live.schema.json").read_text()))
    assert schema.is_valid(LIVE) and schema.is_valid(line) == (not said)
    path = tmp_path / "r.jsonl"
    path.write_text(f"{json.dumps(LIVE)}\n\n{json.dumps(line)}\n")
    if not said:
        assert load_live(str(path)).said
        return
    with pytest.raises(BadRecording) as refused:
        load_live(str(path))
    assert str(refused.value).startswith(said)


ODD: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    3,
    "x",
    {},
    {"a": 1},
    [],
    ["x"],
    [1, 2],
    [["p", "n", 1]],
    [[0, 1], "v"],
    1.5,
    2**70,
]


def _is_refused(check: Any, *given: Any) -> bool:
    try:
        check(*given)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("forms", [line_forms.RUN, line_forms.SETT], ids=["run", "sett"])
def test_lines_are_refused_together_where_one_by_one(forms: dict[str, line_forms.LineForm]) -> None:
    draws, fits = random.Random(3), 0
    for _ in range(6000):
        kind = draws.choice([*forms, "nonsense", 7])
        items = len(forms[kind].items) if kind in forms else 2
        line = [draws.choice([0, 5, 5, -1, None]), draws.choice([0, 9, 9, True]), kind, *draws.choices(ODD, k=items)]
        if draws.random() < 0.4:
            del line[draws.randrange(len(line)) :]
        elif draws.random() < 0.2:
            line.append(1)
        refused = _is_refused(line_forms.check_line, line, forms)
        assert _is_refused(line_forms.check_lines, [line], forms) is refused, line
        fits += not refused
    assert fits > 100


def test_recordings_that_are_damaged_end_in_a_line_and_not_in_a_traceback() -> None:
    bundle = build("coglet Main { listen x: int\n transmit o: int\n on x as v { o <- v } }", "Main")
    file, draws = io.BytesIO(), random.Random(7)
    session(
        bundle,
        inputs=[("x", 1), ("x", 2)],
        sim=True,
        journal=Journal(file, {"run": "r", "seed": 0, "epoch": 0, "program": bundle.hash}),
    )
    head, *lines = load(file.getvalue())[:2]
    odd: list[Any] = [None, -1, "x", {}, [], 1e9, [1, 2, 3], 2**70, {"$failure": 5}]
    kinds = [*line_forms.RUN]
    for _ in range(300):
        mutated = [list(line) for line in lines[0]]
        line = draws.choice(mutated)
        act = draws.randrange(3)
        if act == 0:
            line[draws.randrange(len(line))] = draws.choice(odd)
        elif act == 1:
            mutated.insert(
                draws.randrange(len(mutated)), [0, 0, draws.choice(kinds), *draws.choices(odd, k=draws.randrange(4))]
            )
        else:
            del line[draws.randrange(len(line)) :]
        try:
            found = load(recording({**head, "journal": 5}, *mutated))
            replay(Kernel(Unit(bundle), 0, 0), found.events)
        except (ValueError, Divergence) as error:
            assert "\n" not in str(error)[:20]
