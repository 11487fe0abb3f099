"""Inputs and results of MCP tools are held to the server's own schemas, over real pipes; odd schemas end nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from cogc.run.tool_schemas import ToolSchemas
from support.anthropic import Server, blocks, reply, serve, use
from support.cli import cogc_here
from support.sessions import session
from support.specs import build

RAW = str(Path(__file__).parent / "support" / "raw_mcp.py")
TEXT = {"type": "text", "text": "as text"}


def schemas(input: Any, output: Any = None) -> ToolSchemas:
    return ToolSchemas({"type": "object", **input}, output)


def test_what_does_not_fit_is_named_by_its_place() -> None:
    many = {
        "properties": {"tags": {"type": "array", "items": {"type": "string"}}, "n": {"type": "integer", "minimum": 1}}
    }
    assert schemas(many).fitting({"tags": ["a"], "n": 1}) == ({"tags": ["a"], "n": 1}, "")
    assert schemas(many).fitting({"tags": ["a", 3]})[1] == "`tags[1]`: 3 is not of type 'string'"
    assert schemas(many).fitting({"n": 0})[1] == "`n`: 0 is less than the minimum of 1"
    assert schemas({"required": ["q"]}).fitting({})[1] == "'q' is a required property"


@pytest.mark.parametrize(
    ("schema", "fits", "wrong"),
    [
        ({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"b": 1}, {"c": 1}),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1, "b": 1}, {"a": 1}),
        ({"dependentRequired": {"a": ["b"]}}, {"b": 1}, {"a": 1}),
        ({"$defs": {"t": {"enum": ["x"]}}, "properties": {"a": {"$ref": "#/$defs/t"}}}, {"a": "x"}, {"a": "y"}),
        ({"properties": {"a": {"prefixItems": [{"type": "string"}], "items": False}}}, {"a": ["x"]}, {"a": ["x", 1]}),
        ({"properties": {"a": True}, "unevaluatedProperties": False}, {"a": 1}, {"z": 1}),
        ({"properties": {"a": {"pattern": "^[a-z]+$"}}}, {"a": "x"}, {"a": "X"}),
        ({"propertyNames": {"maxLength": 2}}, {"ab": 1}, {"abc": 1}),
        ({"properties": {"a": {"not": {"const": 3}}}}, {"a": 4}, {"a": 3}),
    ],
)  # fmt: skip
def test_all_of_the_draft_is_known(schema: Any, fits: Any, wrong: Any) -> None:
    assert schemas(schema).fitting(fits)[1] == ""
    assert schemas(schema).fitting(wrong)[1] != ""


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "http://127.0.0.1:9/none.json"}}},
        {"properties": {"a": {"$ref": "#/$defs/none"}}},
        {"$ref": "#"},
        {"properties": {"a": {"pattern": "\\p{L}+"}}},
        {"properties": {"a": {"pattern": "^(a+)+$"}}},
        {"properties": {"a": {"pattern": "^(([a-z])+.)+[A-Z]$"}}},
        {"patternProperties": {"(": {"type": "integer"}}},
        {"$schema": "http://example.org/unknown"},
    ],
    ids=["remote", "missing", "circle", "unknown pattern", "endless", "endless again", "bad key pattern", "unknown draft"],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_checks_nothing(schema: Any) -> None:
    assert schemas(schema).fitting({"a": "a" * 60 + "!"})[1] == ""


def test_a_null_for_what_may_be_left_out_is_left_out() -> None:
    made = schemas({"properties": {"q": {"type": "string"}, "n": {"type": "integer"}}, "required": ["q"]})
    assert made.fitting({"q": "x", "n": None}) == ({"q": "x"}, "")
    assert made.fitting({"q": None, "n": None})[1] == "'q' is a required property"
    taken = schemas({"properties": {"n": {"type": ["integer", "null"]}}})
    assert taken.fitting({"n": None}) == ({"n": None}, "")


SPEC = """
program find(q: any, n: int? = null) -> any = mcp s.find
coglet Main { transmit out: any
  on start { out <- find(GIVEN) } else as e { out <- [e.kind, e.message] } }
"""
FIND = {
    "name": "find",
    "description": "Finds.",
    "inputSchema": {
        "type": "object",
        "properties": {"q": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["q"],
    },
    "outputSchema": {"type": "object", "properties": {"hits": {"type": "integer"}}, "required": ["hits"]},
}


def server(result: Any, folder: Path, tools: Any = (FIND,), **more: Any) -> str:
    behaviour = {"tools": list(tools), "result": result, "log": str(folder / "log"), **more}
    return f"mcp s = stdio {json.dumps([sys.executable, RAW, json.dumps(behaviour)])}\n"


def out(folder: Path, given: str, result: Any, **more: Any) -> Any:
    return session(build(server(result, folder, **more) + SPEC.replace("GIVEN", given))).outputs["out"][0]


def calls(folder: Path) -> list[Any]:
    """What the server was asked to do."""
    log = folder / "log"
    asked = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return [m["params"]["arguments"] for m in asked if m["method"] == "tools/call"]


def test_an_input_that_does_not_fit_is_not_sent(tmp_path: Path) -> None:
    kind, message = out(tmp_path, "3", {"content": [TEXT]})
    assert kind == "type" and message == "the input of `s.find` does not fit its schema: `q`: 3 is not of type 'string'"
    assert calls(tmp_path) == []


def test_what_fits_is_sent_without_the_nulls(tmp_path: Path) -> None:
    assert out(tmp_path, '"x"', {"content": [TEXT], "structuredContent": {"hits": 2}}) == {"hits": 2}
    assert calls(tmp_path) == [{"q": "x"}]


@pytest.mark.parametrize(
    ("structured", "words"),
    [({"hits": "many"}, "`hits`: 'many' is not of type 'integer'"), ({"other": 1}, "'hits' is a required property")],
)
def test_a_result_that_does_not_fit_is_a_failure_of_the_call(tmp_path: Path, structured: Any, words: str) -> None:
    kind, message = out(tmp_path, '"x"', {"content": [TEXT], "structuredContent": structured})
    assert kind == "program" and message == f"the result of `s.find` does not fit the server's own schema: {words}"


def test_a_server_that_gives_text_in_spite_of_its_schema_is_borne(tmp_path: Path) -> None:
    assert out(tmp_path, '"x"', {"content": [TEXT]}) == "as text"


def test_a_tool_that_the_server_does_not_list_may_be_called(tmp_path: Path) -> None:
    assert out(tmp_path, "3", {"content": [TEXT]}, tools=()) == "as text"


def test_a_list_without_end_keeps_no_tool_from_being_called(tmp_path: Path) -> None:
    assert out(tmp_path, "3", {"content": [TEXT]}, endless=True) == "as text"


def test_a_model_is_told_what_does_not_fit_and_calls_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGC_TEST_KEY", "sk-canary-4")
    with serve() as asked:
        asked.will(blocks(use("find", q=3)), blocks(use("find", "t2", q="x")), reply("done"))
        assert _agent(tmp_path, asked) == "done"
        told = [m["content"][0] for m in asked.requests[-1]["messages"] if m["content"][0]["type"] == "tool_result"]
    assert "`q`: 3 is not of type 'string'" in told[0]["content"] and told[0]["is_error"]
    assert json.loads(told[1]["content"]) == {"hits": 2} and calls(tmp_path) == [{"q": "x"}]


def _agent(folder: Path, asked: Server) -> Any:
    spec = server({"content": [TEXT], "structuredContent": {"hits": 2}}, folder)
    spec += f"""
    model m = anthropic "claude-sonnet-5-5" {{ base_url: "{asked.url}", api_key: env("COGC_TEST_KEY") }}
    program ask() -> string = llm {{ model: m, prompt: "go", tools: [s] }}
    coglet Main {{ transmit out: any
      on start {{ out <- ask() }} else as e {{ out <- e.message }} }}
    """
    (folder / "a.cog").write_text(spec)
    assert cogc_here("check", "--online", "a.cog", cwd=folder).returncode == 0
    done = cogc_here("run", "a.cog", "--output", "json", cwd=folder)
    return json.loads(done.stdout.splitlines()[-1])["data"]
