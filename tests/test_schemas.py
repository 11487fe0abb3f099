"""The JSON Schemas: current, valid, and of one mind with the checker."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import yaml

from cogc import ir
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language import functions, types
from cogc.language.builtins import FUNCTIONS, RUN_TIME_ONLY
from cogc.syntax import parse_cog, write_yaml
from grammar import make_schemas
from support.cli import cogc_here
from support.paths import ROOT
from support.sim import Sim
from support.specs import build, codes

YAML = json.loads((ROOT / "grammar" / "cog.schema.json").read_text())
TRACE = json.loads((ROOT / "grammar" / "trace.schema.json").read_text())


@pytest.mark.parametrize("name", ["cog.schema.json", "ir.schema.json", "trace.schema.json"])
def test_the_schemas_are_current_and_valid(name: str) -> None:
    text = (ROOT / "grammar" / name).read_text()
    assert text == make_schemas.files()[name]
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("name", ["cog", "ir", "trace"])
def test_the_schemas_for_editors_are_current_valid_and_have_no_word_of_a_later_draft(name: str) -> None:
    file = f"{name}.draft-07.schema.json"
    text = (ROOT / "grammar" / file).read_text()
    assert text == make_schemas.files()[file], "run `make schemas`"
    schema = json.loads(text)
    jsonschema.Draft7Validator.check_schema(schema)
    assert not re.search(r'"(\$defs|prefixItems|dependentRequired|unevaluated\w+|\$dynamicRef)"', text)
    assert cogc_here("schema", name, "--draft-07").stdout == text
    assert cogc_here("schema", name).stdout == (ROOT / "grammar" / f"{name}.schema.json").read_text()


def test_both_drafts_take_and_refuse_the_same() -> None:
    older = jsonschema.Draft7Validator(json.loads((ROOT / "grammar" / "cog.draft-07.schema.json").read_text()))
    newer = jsonschema.Draft202012Validator(YAML)
    good = {"cog": 1, "coglets": {"Main": {"listen": {"x": "int"}}}}
    for spec in (good, {"cog": 2}, {"cog": 1, "coglets": ["Main"]}, {"cog": 1, "teams": {"T": {"lead": "A"}}}):
        assert older.is_valid(spec) == newer.is_valid(spec) == (spec is good)


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (ROOT / "examples").glob("*/*.cog") if p.stem not in ("mistakes", "recipes")),
    ids=lambda p: p.stem,
)
def test_what_the_checker_takes_the_schema_takes(path: object) -> None:
    tree = parse_cog.parse(Source("x", path.read_text()), Problems())  # type: ignore[attr-defined]
    written = re.sub(r"(?m)^(\s*(?:- )?)on:", r"\1'on':", write_yaml.file(tree))  # PyYAML reads `on` as YAML 1.1 does
    jsonschema.validate(yaml.safe_load(written), YAML)


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
        jsonschema.validate(yaml.safe_load(text), YAML)
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
    data = ir.encode(bundle)
    jsonschema.validate(json.loads(data), json.loads((ROOT / "grammar" / "ir.schema.json").read_text()))
    assert ir.decode(data) == bundle and ir.encode(ir.decode(data)) == data
    with pytest.raises(ValueError, match="hash"):
        ir.decode(data.replace(b'"Juror"', b'"Jurox"'))


def test_a_quoted_word_means_the_same_as_a_plain_one() -> None:
    spec = """
    coglet Child { listen a: int { overflow: block }; on a as v { } }
    coglet Main { create c = Child * 2 { restart: always, map: round_robin }; on start { c.a <- 1 } }
    """
    plain, quoted = spec, spec
    for word in ("block", "always", "round_robin"):
        quoted = quoted.replace(f": {word}", f': "{word}"')
    assert quoted.count('"') == 6
    assert build(quoted).hash == build(plain).hash == ir.decode(ir.encode(build(plain))).hash
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
