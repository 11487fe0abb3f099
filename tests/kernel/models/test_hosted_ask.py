"""Requests to models by code in the shell's process: the attempts and bounds that conversations of the kernel have too."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.kernel.models.asking import Overloaded
from cogc.kernel.models.hosted_ask import LIMIT, asking
from cogc.kernel.waits import AskModel, Sleep, Talk
from cogc.language.values import Failure
from support.sim import Sim

REQUEST = {
    "model": "claude-x",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
}
REPLY = {"content": [{"type": "text", "text": "b"}], "stop": "end_turn", "usage": {"input": 3, "output": 4}}


@pytest.fixture
def sim() -> Sim:
    return Sim("coglet Main { listen a: int\n on a as x { log info x } }")


def begun(sim: Sim) -> Talk:
    assert sim.kernel.root is not None
    talk = asking(sim.kernel, sim.kernel.root, dict(REQUEST))
    assert isinstance(next(talk), AskModel)
    return talk


def error(**more: Any) -> dict[str, Any]:
    return {"error": {"message": "busy", "retry": True, **more}}


def test_a_request_is_made_three_times_with_pauses_that_double(sim: Sim) -> None:
    talk, pauses = begun(sim), []
    for _ in range(2):
        pause = talk.send(error())
        assert isinstance(pause, Sleep)
        pauses.append(pause.nanos / 1e9)
        assert isinstance(talk.send(None), AskModel)
    assert 0.375 <= pauses[0] <= 0.5 and 0.75 <= pauses[1] <= 1
    with pytest.raises(Overloaded, match=r"model `claude-x`: busy \(tried 3 times\)"):
        talk.send(error())


def test_a_reply_is_returned_and_charged(sim: Sim) -> None:
    talk = begun(sim)
    with pytest.raises(StopIteration) as stop:
        talk.send(dict(REPLY))
    assert stop.value.value == {"content": REPLY["content"], "stop": "end_turn"}
    assert sim.kernel.models.usages["Main", "claude-x"].tokens == 7


def test_a_failure_keeps_its_kind_and_is_not_tried_again(sim: Sim) -> None:
    with pytest.raises(Failure) as failed:
        begun(sim).send(error(kind="cancelled"))
    assert failed.value.kind == "cancelled"


def test_a_pause_that_is_longer_than_the_time_of_the_request_is_not_waited_for(sim: Sim) -> None:
    with pytest.raises(Overloaded, match="longer than the time that is left"):
        begun(sim).send(error(after=LIMIT / 1e9 + 1))


def test_all_attempts_together_have_one_limit(sim: Sim) -> None:
    talk = begun(sim)
    assert isinstance(talk.send(error(after=500)), Sleep)
    sim.kernel.now += LIMIT
    with pytest.raises(Failure) as failed:
        talk.send(None)
    assert failed.value.kind == "timeout" and "600s" in failed.value.message
