"""Forms: what the compiler makes of them is fresh, and no name of theirs meets a name of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogc.desugar import forms
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.texts import MARK, RESERVED
from cogc.names import prelude
from cogc.names.load import PRELUDE
from cogc.syntax import nodes
from cogc.syntax.parse import parse
from grammar import make_forms, make_prelude
from support.plans import run
from support.specs import check_text, codes


def test_the_kept_tree_of_the_mixins_is_that_of_their_file() -> None:
    assert make_prelude.TARGET.read_text() == make_prelude.make(), "run `make schemas`"
    parsed = parse(Source(PRELUDE, prelude.TEXT), Problems())
    assert prelude.tree() == parsed
    assert [(n.start, n.end) for n in nodes.walk(prelude.tree())] == [(n.start, n.end) for n in nodes.walk(parsed)]


@pytest.mark.parametrize("name", make_forms.NAMES)
def test_what_was_made_of_a_form_is_fresh(name: str) -> None:
    made = Path(str(forms.__file__)).parent / f"{name}.py"
    assert made.read_text() == make_forms.make(name), "run `make schemas`"


def test_every_form_is_made() -> None:
    assert sorted(p.stem for p in (make_forms.folder("stdlib") / "forms").glob("*.cog")) == sorted(make_forms.NAMES)


def bindings(tree: nodes.Node) -> list[str]:
    """The names that a form binds for itself: all but its ports, its children and the parameters of programs."""
    found: list[str] = []
    for node in nodes.walk(tree):
        match node:
            case nodes.State(name=name) | nodes.Handler(name=name):
                found.append(name.id)
            case nodes.Let(pattern=nodes.Name(id=id)) | nodes.For(pattern=nodes.Name(id=id)):
                found.append(id)
            case nodes.Generator(pattern=nodes.Name(id=id)) | nodes.On(pattern=nodes.Name(id=id)):
                found.append(id)
            case nodes.Try(name=nodes.Name(id=id)):
                found.append(id)
    return found


def test_a_form_binds_only_names_of_its_own() -> None:
    # a step sees the plan's goal by that name: specs/plans.md
    plain = {n: [b for b in bindings(make_forms.read(n)) if b[0] != "$" and b[-1] != "_"] for n in make_forms.NAMES}
    assert plain == {"agent": [], "dod": [], "export": [], "plan": ["goal"], "queue": [], "team": []}


def test_a_template_of_a_form_sees_only_the_parameters_of_its_program() -> None:
    for name in make_forms.NAMES:
        tree = make_forms.read(name)
        texts = {id(n) for n in nodes.walk(tree) if isinstance(n, nodes.Text) and n.template}
        inside = [n for p in nodes.walk(tree) if isinstance(p, nodes.Program) for n in nodes.walk(p)]
        assert texts <= {id(n) for n in inside}


# ---- names of the user's that are those of a form -----------------------------------------------------------------


def own_names() -> list[str]:
    """Every name that a form has, with and without the underscore that makes it the form's own."""
    found: set[str] = set()
    for form in make_forms.NAMES:
        for node in nodes.walk(make_forms.read(form)):
            if isinstance(node, nodes.Name) and node.id[0] != "$":
                found |= {node.id, node.id.rstrip("_"), node.id.rstrip("_") + "_"}
    return sorted(found - {"goal", "self"} - RESERVED)


HOSTILE = own_names()
PARAMETERS = ", ".join(f'{n}: string = "x"' for n in HOSTILE)
SHOWN = [n for n in HOSTILE if n not in ("range", "loop", "none")]  # those are Jinja's own words in a template
TEMPLATE = "".join(f"{{{{ {n} }}}}" for n in SHOWN)
SCRIPT = 'model model_ = scripted "m.yml"\n'
DONE = "- {when: {prompt: ''}, reply: done}\n"
COUNT = '(1 if plan_ == "x" else 9)'
WORDS = "x" * len(SHOWN)


def test_a_plan_takes_parameters_of_any_name(tmp_path: Path) -> None:
    text = f"""{SCRIPT}agent Developer {{ model: model_ }}
    plan P({PARAMETERS}) {{
      goal: "{TEMPLATE}"
      approve: system
      step first by Developer {{ retry: {COUNT} - 1 }}: "{TEMPLATE}"
      step second after first when steps == "x": run + "{TEMPLATE}" + first
    }}"""
    made = run(tmp_path, text, DONE, "P")
    assert made.outputs["result"] == [{"first": "done", "second": "x" + WORDS + "done"}]
    assert made.outputs["plan"][-1]["goal"] == WORDS


def test_a_planned_plan_takes_parameters_of_any_name(tmp_path: Path) -> None:
    text = f"""{SCRIPT}agent made {{ model: model_ }}
    agent planner {{ model: model_ }}
    plan P({PARAMETERS}) {{ goal: "{TEMPLATE}", approve: system, planner: planner, agents: [made], max_steps: {COUNT} + 2 }}"""
    planned = "{steps: [{id: planner, task: Go, by: made, after: []}]}"
    made = run(tmp_path, text, f"- {{when: {{prompt: in at most 3}}, reply: {planned}}}\n{DONE}", "P")
    assert made.outputs["result"] == [{"planner": "done"}], made.outputs


def test_steps_and_agents_may_have_the_names_of_a_plans_parts(tmp_path: Path) -> None:
    names = ["plan", "step", "steps", "result", "planner", "approver", "made", "done", "worker", "run", "next", "hold"]
    steps = "\n".join(f'step {n} by {n}: "Do {n}"' for n in (*names, "plan_step", "done_of_plan"))
    agents = "\n".join(f"agent {n} {{ model: model_ }}" for n in (*names, "plan_step", "done_of_plan"))
    text = f'{SCRIPT}{agents}\nplan P {{ goal: "g", approve: agent, approver: approver, dod: D\n{steps}\n }}\n'
    text += "dod D { fine: 1 == 1 }\n"
    script = '- {when: {prompt: "1. plan"}, reply: {action: approve, feedback: ""}}\n' + DONE
    made = run(tmp_path, text.replace("plan P ", 'plan P(x: string = "") '), script, "P")
    assert set(made.outputs["result"][0]) == {*names, "plan_step", "done_of_plan", "done_of_plan_of_plan"}


def test_a_definition_of_done_takes_parameters_and_criteria_of_any_name(tmp_path: Path) -> None:
    criteria = "\n".join(
        f'{n}: shell ["true", {n}]' for n in ("verify", "passed", "finding", "changes", "status", "fix_")
    )
    text = f"""{SCRIPT}agent Fixer {{ model: model_ }}
    program size() -> int = expr 3
    dod D({PARAMETERS}) {{
      {criteria}
      size: shell ["true"]
      small: size() == 3 and findings == work
      all: "{TEMPLATE}" == "{WORDS}"
      fix: Fixer
      max_loops: {COUNT}
    }}"""
    made = run(tmp_path, text, DONE, "D", channel="verify", goal={})  # type: ignore[arg-type]
    found = made.outputs["passed"][0]["findings"]
    assert {f["criterion"]: f["status"] for f in found if f["status"] != "PASS"} == {}, found


def test_a_team_takes_parameters_and_workers_of_any_name(tmp_path: Path) -> None:
    names = ("lead", "task", "status", "jobs", "members_", "workers", "result", "lead_worker")
    agents = "\n".join(f"agent {n} {{ model: model_ }}" for n in names)
    text = f"""{SCRIPT}{agents}
    type Board = {{ jobs_: string }}
    team T({PARAMETERS}) {{
      lead: lead, workers: [{", ".join(names)} * {COUNT}], mode: supervise, max_workers: {COUNT}
      shared: Board, initial: {{ jobs_: "{TEMPLATE}" }}
    }}"""
    made = run(tmp_path, text, DONE, "T", channel="task", goal="Go")
    assert made.outputs["result"] == ["done"], made.outputs


@pytest.mark.parametrize("name", ["agent", "result", "task_", "error_", "ask", "delta"])
def test_an_agent_takes_parameters_of_any_name(tmp_path: Path, name: str) -> None:
    text = f'{SCRIPT}agent {name}({PARAMETERS}) {{ model: model_, system: "{TEMPLATE}" }}\n'
    made = run(tmp_path, text, DONE, name, channel="task", goal="Go")
    assert made.outputs["result"] == ["done"]


@pytest.mark.parametrize("name", ["put", "item", "dead", "queue", "value", "value_"])
def test_a_queue_may_have_any_name(tmp_path: Path, name: str) -> None:
    made = run(tmp_path, f"queue {name}: string = memory\n", "[]", name, channel="put", goal="x")
    assert made.outputs["item"] == ["x"]


def test_a_name_of_a_form_is_unknown_to_users() -> None:
    text = SCRIPT + 'agent A { model: model_ }\nplan P { goal: "g"\n step one: NAME\n }\n'
    for name in ("plan_", "status_", "attempt_", "run_", "results"):
        _, found = check_text(text.replace("NAME", name))
        assert [d.slug for d in found if d.severity == "error"] == ["unknown-name"]
        assert MARK not in f"{found[0].message} {found[0].help}"


def test_no_file_writes_what_forms_alone_have() -> None:
    assert codes("program x(id: int, value: any) -> any = reply\n") == ["unknown-executor"]
    assert codes('program x(id: string) -> any = store "open"\n') == ["unknown-executor"]
    assert codes("const b = 1\ncoglet Main { state a: int = $b }\n") == ["hole-outside-form"]
    assert codes("coglet Main { $...members }\n") == ["hole-outside-form"]


def test_a_step_of_the_name_of_a_parameter_is_a_mistake_at_the_step() -> None:
    text = 'plan P(one: string = "") {\n  goal: "g"\n  approve: system\n  step one: 1\n}\n'
    _, found = check_text(text)
    assert [(d.slug, d.span.position()) for d in found] == [("duplicate-name", (4, 8))]


@pytest.mark.parametrize(
    ("text", "slug", "place"),
    [
        ('plan P { goal: "g"\n step a: 1 + "x"\n }\n', "bad-operands", (2, 10)),
        ('plan P { goal: "g"\n step a when 3: 1\n }\n', "no-condition", (2, 14)),
        ('dod D {\n a: shell ["x", y]\n }\n', "unknown-name", (2, 17)),
        ("dod D {\n a: coverage >= \"x\"\n }\n", "wrong-type", (2, 17)),
        ('dod D {\n a: human(3)\n }\n', "wrong-type", (2, 11)),
    ],
)  # fmt: skip
def test_a_mistake_in_what_the_user_wrote_is_reported_there(text: str, slug: str, place: tuple[int, int]) -> None:
    _, found = check_text(text)
    assert [(d.slug, d.span.position()) for d in found if d.severity == "error"] == [(slug, place)]
