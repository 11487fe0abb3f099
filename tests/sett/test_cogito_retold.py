"""What Cogito's own tests say of its sub-agents, retold: dispatch, background, detach, definitions, resume, propagation, cancellation.

Each case bears the name of the test there. Nothing here starts a process or waits: the test is the model, the dispatcher and the
person, on a virtual clock.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio

from cogc.built import decode
from cogc.kernel.models import steering
from cogc.language.values import Failure
from cogc.run.dispatch import Dispatchers, Outcome, RunSpec
from cogc.run.settings import Settings
from support.sim import Sim
from support.spawning import FIRST, Play

# ---- background ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("background", [True, False])
def test_BackgroundSpawnSetsBackgroundFlag(background: bool) -> None:
    play = Play().spawns(background=background)
    assert steering.status(play.kernel, FIRST)["background"] is background


def test_Background_spawn_returns_an_id_at_once_and_the_loop_stays_alive() -> None:
    play = Play().spawns(background=True)
    assert play.told()["agent_id"] == "Explorer-1" and play.told()["state"] == "running"
    play.says("Parent", "I wait")
    assert not play.sent("out"), "a conversation does not end while its background agents work"
    play.says("Explorer", "found it").says("Parent", "all done")
    assert play.sent("out") == ["all done"]


def test_CompletionCallback_tells_the_parent_that_and_how_an_agent_has_ended() -> None:
    play = Play().spawns(background=True).says("Explorer", "the result").says("Parent", "so")
    (said,) = play.heard()
    assert said.startswith("Agent Explorer-1 is completed: ") and "the result" in said


def test_FormatAgentCompletion_DefaultFailedProse() -> None:
    play = Play().spawns(background=True).says("Explorer", error={"message": "boom", "retry": False})
    (said,) = play.says("Parent", "so").heard()
    assert said.startswith("Agent Explorer-1 is failed: ") and "boom" in said


def test_ExecuteTools_ParksWhilePendingWork_without_a_request_of_its_own() -> None:
    play = Play().spawns(background=True).says("Parent", "parked")
    assert [a.program for a in play.asks] == ["Explorer"], "who waits asks its model nothing"


# ---- definitions, models, tools ------------------------------------------------------------------------------


def test_SpawnAppliesDefinitionSystemPromptAndTools() -> None:
    asked = Play().spawns("look around").asked("Explorer")
    assert asked["system"] == "You are EXPLORE." and [t["name"] for t in asked["tools"]] == ["echo"]
    assert asked["messages"][0]["content"][0]["text"] == "look around"


def test_FindAgentDefinition_is_a_choice_among_those_that_there_are() -> None:
    (spawn,) = [t for t in Play().asked()["tools"] if t["name"] == "spawn_agent"]
    assert spawn["schema"]["properties"]["agent"]["enum"] == ["Explorer"] and "Looks around." in spawn["description"]


def test_SpawnUnknownAgentTypeErrorsCleanly() -> None:
    play = Play().uses("spawn_agent", agent="Nope", query="x")
    assert play.heard() == ["there is no agent `Nope`; there is Explorer"] and not play.sent("out")


def test_FactoryResolvesModelAndTemperature() -> None:
    play = Play(own=", temperature: 0.3").spawns()
    (ask,) = [a for a in play.asks if a.program == "Explorer"]
    assert (ask.model.argument, ask.request["temperature"]) == ("claude-haiku-5-5", 0.3)


def test_FactoryFiresOnMetadataOnlyOverride() -> None:
    found = Play().spawns().kernel.models.registry.get(FIRST)
    assert found is not None and found.metadata == {"enable_thinking": "false"}


def test_SpawnArgModelBeatsDefinition() -> None:
    play = Play("models: [small, big]").spawns(model="big")
    assert [a.model.argument for a in play.asks] == ["claude-opus-5"]
    found = play.kernel.models.registry.get(FIRST)
    assert found is not None and found.runtime_config["model"] == "big"


def test_SpawnArgModel_is_one_that_the_declaration_allows() -> None:
    play = Play("models: [small]").spawns(model="big")
    assert play.heard() == ["a sub-agent can have no model `big`; there is small"]
    assert Play().spawns(model="big").heard() == ["`spawn_agent` has no parameter `model`"]


@pytest.mark.parametrize(
    ("wanted", "given"), [(["secret"], ["secret"]), (["secret", "echo"], ["secret", "echo"]), ([], [])]
)
def test_ToolFiltering_to_requested_tools_only(wanted: list[str], given: list[str]) -> None:
    asked = Play("tools: [echo, secret]").spawns(tools=wanted).asked("Explorer")
    assert [t["name"] for t in asked.get("tools", [])] == given


def test_ToolFiltering_refuses_what_the_declaration_does_not_allow() -> None:
    play = Play("tools: [echo]").spawns(tools=["echo", "secret"])
    assert play.heard() == ["a sub-agent can have no tool `secret`; there is echo"]
    assert "a list of strings" in Play("tools: [echo]").spawns(tools="echo").heard()[0]


def test_ToolFiltering_excludes_agent_tools_from_sub_agents_by_default() -> None:
    names = {t["name"] for t in Play().spawns().asked("Explorer")["tools"]}
    assert names == {"echo"}, "only who has `spawn` itself may start agents"


def test_System_text_of_the_moment() -> None:
    assert Play("system: true").spawns(system="You COUNT.").asked("Explorer")["system"] == "You COUNT."
    assert Play("system: true").spawns().asked("Explorer")["system"] == "You are EXPLORE."
    assert Play("system: false").spawns(system="x").heard() == ["`spawn_agent` has no parameter `system`"]


def test_What_is_chosen_holds_for_the_whole_life_of_the_sub_agent() -> None:
    play = Play("models: [big], tools: [secret], system: true").spawns(model="big", tools=["secret"], system="S")
    play.says("Explorer", "first")
    play.uses("message_agent", "m", of="Explorer-1", message="more")
    (ask,) = [a for a in play.asks if a.program == "Explorer"]
    assert (ask.model.argument, ask.request["system"]) == ("claude-opus-5", "S")
    assert [t["name"] for t in ask.request["tools"]] == ["secret"]


def test_Budgets_hold_for_the_model_of_the_moment() -> None:
    """Ten tokens of the dear model cost more than the parent may spend: the sub-agent is refused its request."""
    play = Play("models: [big]", ", budget: { usd: 0.0001 }")
    assert play.asks == [] and play.sent("out")[0][0] == "budget"
    play = Play("models: [big]", ", budget: { usd: 0.5 }").spawns(model="big").says("Explorer", "done")
    (spent,) = [u for n, u in play.told().items() if n == "cost_usd"]
    assert spent == pytest.approx(100 * 5e-6 + 10 * 25e-6)


# ---- detach --------------------------------------------------------------------------------------------------


def test_DetachReturnsBeforeCompletion() -> None:
    play = Play().spawns()
    assert [a.program for a in play.asks] == ["Explorer"]
    assert play.steer("detach")["state"] == "running"
    assert play.told() | {"agent_id": "Explorer-1", "state": "running", "background": True} == play.told()


def test_DetachUnknownAgentErrors() -> None:
    with pytest.raises(Failure, match="there is no agent `Main/a/missing`"):
        Play().steer("detach", "Main/a/missing")


@pytest.mark.parametrize("background", [True, False])
def test_DetachNonDetachableAgentErrors(background: bool) -> None:
    play = Play().spawns(background=background)
    if not background:
        play.says("Explorer", "over")
    with pytest.raises(Failure, match="not in the foreground"):
        play.steer("detach")


def test_ForegroundSpawnUnchangedWithoutDetach() -> None:
    told = Play().spawns("quick").says("Explorer", "final answer").told()
    assert (told["success"], told["output"], told["agent_id"]) == (True, "final answer", "Explorer-1")


def test_DetachedAgentSurvivesParentCancel() -> None:
    play = Play().spawns("long job")
    play.steer("detach")
    play.steer("cancel", "Main/a")
    assert play.sent("out") == [["cancelled", "the task was cancelled"]]
    assert [a.program for a in play.asks] == ["Explorer"], "it still works"
    play.says("Explorer", "blocked done")
    assert any("`Explorer-1` is completed" in str(words) and "blocked done" in str(words) for _, words in play.logs)


# ---- resume and messages -------------------------------------------------------------------------------------


def test_InjectDeliversToRunningAgent() -> None:
    play = Play().spawns()
    play.steer("send", message="keep going")
    play.uses("echo", who="Explorer", text="x")
    assert play.heard("Explorer") == ["echo x", "keep going"]


def test_InjectUnknownAgentErrors() -> None:
    with pytest.raises(Failure, match="there is no agent `Main/a/missing`"):
        Play().steer("send", "Main/a/missing", message="x")


def test_SendAgentMessageResumesCompletedAgent() -> None:
    play = Play().spawns("first task").says("Explorer", "first result")
    play.uses("message_agent", "m", of="Explorer-1", message="now do more")
    said = [b["text"] for m in play.asked("Explorer")["messages"] for b in m["content"]]
    assert said == ["first task", "first result", "now do more"], "it goes on with its conversation"
    assert play.says("Explorer", "second result").told()["output"] == "second result"


def test_SendAgentMessageInjectsRunningAgent() -> None:
    play = Play().spawns(background=True)
    play.uses("message_agent", "m", of="Explorer-1", message="hint")
    assert play.told()["agent_id"] == "Explorer-1" and play.told()["state"] == "running"
    assert play.uses("echo", who="Explorer", text="x").heard("Explorer")[-1] == "hint"


def test_SendAgentMessageUnknownAgent() -> None:
    play = Play()
    play.uses("message_agent", "m", of="nope", message="hi")
    assert play.heard() == ["there is no agent `nope`; there is none"] and not play.sent("out")


# ---- propagation ---------------------------------------------------------------------------------------------


def test_SubAgentToolCallReachesParentCallback_with_the_id_of_the_agent() -> None:
    play = Play(more=", on_tool: gate").spawns()
    assert (play.calls[0].arguments["agent"], play.calls[0].arguments["tool"]) == ("Main/a", "spawn_agent")
    play.answer({"allow": True})
    play.uses("echo", who="Explorer", text="hi")
    (call,) = play.calls
    assert (call.arguments["agent"], call.arguments["tool"]) == (FIRST, "echo"), "SessionStateHasAgentID"
    play.answer({"allow": True})
    assert play.heard("Explorer") == ["echo hi"]


def test_SubAgentToolRejectionIsHonored() -> None:
    play = Play(more=", on_tool: gate").spawns().answer({"allow": True})
    assert isinstance(play, Play)
    play.uses("echo", who="Explorer", text="hi").answer({"allow": False})
    assert play.heard("Explorer") == ["`gate` has refused the call"]
    assert not [r for r in play.records("call") if r["program"] == "echo"]


# ---- what others see -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("background", [True, False])
def test_SpawnCallbackFires_with_a_running_agent_of_the_type(background: bool) -> None:
    """The registry says each change at once; who follows it sees the agent as soon as it runs."""
    play, seen = Play(), list[tuple[str, str, str]]()
    registry = play.kernel.models.registry
    registry.on_change = lambda: seen.extend((r.id, r.role, r.status) for r in registry.list(parent="Main/a"))
    play.spawns(background=background)
    assert (FIRST, "Explorer", "running") in seen
    assert play.asks, "and before it has its first answer"


def test_AgentManager_lists_all_with_the_whole_query() -> None:
    query = "look around " * 60
    play = Play().spawns(query, background=True).spawns("and there", background=True).uses("list_agents")
    assert [(a["agent_id"], a["agent"], a["query"]) for a in json.loads(play.heard()[-1])] == [
        ("Explorer-1", "Explorer", query), ("Explorer-2", "Explorer", "and there"),
    ]  # fmt: skip


@pytest.mark.parametrize("tool", ["agent_status", "wait_agent", "cancel_agent"])
def test_AgentManager_and_its_tools_name_an_agent_that_is_not_there(tool: str) -> None:
    play = Play().spawns(background=True)
    play.uses(tool, "u", of="Explorer-9")
    assert play.heard() == ["there is no agent `Explorer-9`; there is Explorer-1"]


def test_CheckAgent_and_GetAgentResult_of_a_running_and_of_a_completed_agent() -> None:
    play = Play().spawns(background=True)
    status = {"type": "tool_use", "id": "u", "name": "agent_status", "input": {"id": "Explorer-1"}}
    wait = {"type": "tool_use", "id": "w", "name": "wait_agent", "input": {"id": "Explorer-1"}}
    assert play.says("Parent", "", status).told()["state"] == "running"
    play.says("Parent", "", {**status, "id": "u2"}, wait)
    assert [a.program for a in play.asks] == ["Explorer"], "`wait_agent` waits"
    play.says("Explorer", "the result")
    assert play.told()["output"] == "the result"
    assert play.says("Parent", "", {**wait, "id": "w2"}).told()["output"] == "the result", (
        "and it may be asked for again"
    )
    assert play.says("Parent", "", {**status, "id": "u3"}).told()["state"] == "completed"


# ---- cancellation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("background", [True, False])
def test_ContextCancellation_cancels_sub_agents_with_their_parent(background: bool) -> None:
    play = Play().spawns(background=background)
    open_calls = [a.id for a in play.asks]
    play.steer("cancel", "Main/a")
    assert play.sent("out") == [["cancelled", "the task was cancelled"]] and not play.asks
    assert set(open_calls) <= set(play.cancelled), "ExecuteToolsAbortsInFlightLLMCall"


def test_Cancel_of_one_sub_agent_leaves_its_parent_at_work() -> None:
    play = Play().spawns()
    play.steer("cancel")
    assert (play.told()["success"], play.told()["error"]) == (False, "it was cancelled")


# ---- dispatch ------------------------------------------------------------------------------------------------

ELSEWHERE = "dispatch: elsewhere, models: [big], tools: [secret], system: true"


def test_ForegroundDispatch_routes_execution_through_the_dispatcher() -> None:
    play = Play(ELSEWHERE).spawns("Do the thing")
    (sent,) = play.dispatched
    assert (sent.program.name, sent.query, sent.background, sent.dispatcher) == (
        "Explorer",
        "Do the thing",
        False,
        "elsewhere",
    )
    assert not play.asks, "nothing runs here"
    play.dispatch_ends(output="DISPATCHED")
    assert (play.told()["output"], play.told()["agent_id"]) == ("DISPATCHED", "Explorer-1")


def test_BackgroundDispatch_registers_the_agent_and_injects_completion() -> None:
    play = Play(ELSEWHERE).spawns("Background work", background=True)
    found = play.kernel.models.registry.get(FIRST)
    assert found is not None and (found.status, found.runtime_name) == ("running", "elsewhere")
    assert play.dispatched[0].background
    play.says("Parent", "spawned").dispatch_ends(output="BG")
    (said,) = play.heard()
    assert said.startswith("Agent Explorer-1 is completed") and "BG" in said


def test_Fallback_runs_the_in_process_path() -> None:
    play = Play(ELSEWHERE).spawns("Search").dispatch_ends(fallback=True)
    assert play.says("Explorer", "IN-PROCESS").told()["output"] == "IN-PROCESS"


def test_NilDispatcher_preserves_the_in_process_behaviour() -> None:
    play = Play().spawns("Search")
    assert not play.dispatched and play.says("Explorer", "here").told()["output"] == "here"


def test_A_dispatcher_that_fails_is_a_result_for_the_parent() -> None:
    told = Play(ELSEWHERE).spawns().dispatch_ends(error="it went down", usage=[]).told()
    assert (told["success"], told["error"]) == (False, "it went down")


class Taken:
    """A dispatcher that takes a run and does nothing."""

    async def run(self, spec: RunSpec, emit: Any) -> Outcome | None:
        self.spec = spec
        return Outcome(output="")


def handed_over(play: Play) -> RunSpec:
    """Return what a dispatcher gets of the run that is under way."""
    dispatchers, taken = Dispatchers(Settings()), Taken()
    dispatchers.made["elsewhere"] = taken
    trio.run(dispatchers.run, play.dispatched[0], lambda event: None)
    return taken.spec


@pytest.mark.parametrize(
    ("chosen", "model", "tools", "system"),
    [
        ({}, "claude-haiku-5-5", ["echo"], "You are EXPLORE."),
        ({"model": "big"}, "claude-opus-5", ["echo"], "You are EXPLORE."),
        ({"tools": ["secret"], "system": "S"}, "claude-haiku-5-5", ["secret"], "S"),
    ],
)
def test_AgentRunSpec_has_all_that_a_run_needs(
    chosen: dict[str, Any], model: str, tools: list[str], system: str
) -> None:
    """Also what the start has chosen, and so has the program in it, which is what a worker runs."""
    play = Play(ELSEWHERE).spawns("Do it", **chosen)
    spec = handed_over(play)
    assert (spec.type, spec.task, spec.background, spec.temperature) == ("Explorer", "Do it", False, None)
    assert (spec.model, spec.tools, spec.system_prompt) == (model, tools, system)
    assert spec.id and spec.timeout > 0 and spec.metadata["enable_thinking"] == "false"
    there = Sim(decode(spec.program.encode())).send("task", "Do it")
    (ask,) = there.asks
    assert (ask.model.argument, ask.request["system"]) == (model, system)
    assert [t["name"] for t in ask.request["tools"]] == tools
