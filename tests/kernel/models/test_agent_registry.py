"""The registry of agents of one run: what it takes, lists and changes, and what the life of agents does to it."""

from __future__ import annotations

import pytest

from cogc.kernel.models.registry import AgentRecord, Registry
from support.sim import Sim


def record(id: str, role: str = "Helper", status: str = "idle") -> AgentRecord:
    return AgentRecord(id, id.rpartition("/")[2], role, status=status)


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    for entry in (record("Main/a"), record("Main/b", "Chief"), record("Main/a/c", status="running")):
        made.register(entry)
    return made


def test_an_id_occurs_once(registry: Registry) -> None:
    with pytest.raises(ValueError, match="there is an agent `Main/a` already"):
        registry.register(record("Main/a", "Chief"))
    found = registry.get("Main/a")
    assert found is not None and found.role == "Helper"


@pytest.mark.parametrize(
    ("role", "status", "ids"),
    [
        (None, None, ["Main/a", "Main/b", "Main/a/c"]),
        ("Helper", None, ["Main/a", "Main/a/c"]),
        (None, "running", ["Main/a/c"]),
        ("Helper", "idle", ["Main/a"]),
        ("Chief", "running", []),
    ],
)
def test_agents_are_listed_by_role_and_status(
    registry: Registry, role: str | None, status: str | None, ids: list[str]
) -> None:
    assert [r.id for r in registry.list(role, status)] == ids


def test_a_status_is_one_of_three_words(registry: Registry) -> None:
    assert registry.update_status("Main/a", "running") and not registry.update_status("Main/z", "running")
    with pytest.raises(ValueError, match="an agent is idle, running, stopped, not 'busy'"):
        registry.update_status("Main/a", "busy")
    assert [r.id for r in registry.list(status="running")] == ["Main/a", "Main/a/c"]


def test_what_is_removed_is_gone_and_may_come_again(registry: Registry) -> None:
    assert registry.remove("Main/a") and not registry.remove("Main/a")
    assert registry.get("Main/a") is None
    registry.register(record("Main/a"))
    assert [r.id for r in registry.list()] == ["Main/b", "Main/a/c", "Main/a"]


def test_each_change_is_heard(registry: Registry) -> None:
    heard = []
    registry.on_change = lambda: heard.append(1)
    registry.register(record("Main/x"))
    registry.update_status("Main/x", "running")
    registry.remove("Main/x")
    assert len(heard) == 3
    registry.update_status("Main/none", "running")
    assert len(heard) == 3


def test_a_record_has_the_fields_of_the_page(registry: Registry) -> None:
    found = registry.get("Main/a/c")
    assert found is not None
    assert found.value() == {
        "id": "Main/a/c", "name": "c", "role": "Helper", "parent_id": None, "runtime_name": "local", "runtime_config": {}, "status": "running",
        "budget_limit_usd": None, "metadata": {},
    }  # fmt: skip


SPEC = """
model m = anthropic "claude-sonnet-5-5"
agent Helper { model: m, budget: { usd: 0.5 } }
agent Chief { model: m, tools: [Helper], spawn: [Helper] }
coglet Main { listen go: any
  transmit out: any
  create chief = Chief
  create pool = Helper * 2
  link self.go -> chief.task
  on chief.result as r { out <- r }
  on chief.failed as f { out <- f.kind }
  on pool.failed { }
}
"""


def statuses(sim: Sim) -> dict[str, str]:
    return {r.id: r.status for r in sim.kernel.models.registry.list()}


def test_agents_are_registered_as_they_are_created_and_run_while_they_converse() -> None:
    sim = Sim(SPEC, "Main")
    assert statuses(sim) == {"Main/chief": "idle", "Main/pool[0]": "idle", "Main/pool[1]": "idle"}
    helper = sim.kernel.models.registry.get("Main/pool[1]")
    assert helper is not None
    assert (helper.role, helper.name, helper.budget_limit_usd) == ("Helper", "pool", 0.5)
    assert helper.runtime_config == {"model": "m", "provider": "anthropic"}
    sim.send("go", "x")
    assert statuses(sim)["Main/chief"] == "running"
    assert statuses(sim.reply("done"))["Main/chief"] == "idle"


def test_an_agent_that_is_asked_as_a_tool_is_registered_while_it_works() -> None:
    sim = Sim(SPEC, "Main").send("go", "x")
    use = {"type": "tool_use", "id": "t", "name": "Helper", "input": {"query": "why"}}
    sim.reply(content=[use], stop="tool_use")
    (helper,) = [r for r in sim.kernel.models.registry.list("Helper") if r.parent_id == "Main/chief"]
    assert helper.id.startswith("Main/chief/Helper-") and helper.status == "running"
    sim.reply("because")
    assert sim.kernel.models.registry.get(helper.id) is None


def test_a_sub_agent_is_registered_until_the_conversation_that_started_it_ends() -> None:
    sim = Sim(SPEC, "Main").send("go", "x")
    use = {"type": "tool_use", "id": "t", "name": "spawn_agent", "input": {"agent": "Helper", "query": "q"}}
    sim.reply(content=[use], stop="tool_use")
    assert statuses(sim)["Main/chief/Helper-1"] == "running"
    sim.reply("found")
    assert statuses(sim)["Main/chief/Helper-1"] == "stopped"
    sim.reply("done")
    assert "Main/chief/Helper-1" not in statuses(sim) and sim.sent("out") == ["done"]
