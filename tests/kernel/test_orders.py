"""Orders: events from outside, addressed to a coglet by its path."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.kernel.effects import Call, LogLine
from cogc.kernel.machine import Kernel
from cogc.kernel.outer import Link
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.inspection import inspect
from support.orders import done, guest
from support.specs import build

HOST = "coglet Host { }"
DOUBLER = """
coglet Doubler { listen x: int
  transmit y: int
  state n: int = 0
  on x as v { n = n + 1
    y <- v * 2 }
  enact add(by: int, times: int = 1) { n = n + by * times }
  enact clear { n = 0 } }
"""
KEEPER = """
coglet Keeper { listen got: int
  listen words: string
  state seen: [int] = []
  on got as v { seen = seen + [v] } }
"""
SLOW = """
program f(x: int) -> int = python "m:f"
coglet Slow { listen x: int
  transmit y: int
  on start { y <- f(0) }
  on x as v { y <- f(v) }
  on stop { y <- f(-1) } }
"""
CRASH = "coglet Crash { listen x: int\n transmit y: int\n on x as v { y <- 10 // v } }"


def host(traced: bool = False) -> Kernel:
    kernel = Kernel(Unit(build(HOST)), traced=traced)
    kernel.start({})
    kernel.run()
    return kernel


def pair(traced: bool = False) -> Kernel:
    """A host with a doubler `d` and a keeper `k`, linked."""
    kernel = host(traced)
    guest(kernel, Unit(build(DOUBLER)), "d")
    guest(kernel, Unit(build(KEEPER)), "k")
    kernel.order(2, "link", "Host/d", "y", "Host/k", "got")
    assert done(kernel) == {1: "Host/k", 2: None}
    return kernel


def states(kernel: Kernel, path: str) -> list[Any]:
    found = kernel.outer.find(path)
    assert found is not None
    return found.states


def call(kernel: Kernel) -> int:
    """The call that waits for its result."""
    return [e.id for e in kernel.effects if isinstance(e, Call)][-1]


# ---- lives ---------------------------------------------------------------------------------------------------


def test_a_created_coglet_answers_when_its_start_has_ended() -> None:
    kernel = host()
    guest(kernel, Unit(build(SLOW)), "s")
    assert done(kernel) == {}
    kernel.result(call(kernel), 1)
    assert done(kernel) == {1: "Host/s"}


def test_a_start_that_fails_is_the_answer_and_leaves_nothing() -> None:
    kernel = host()
    guest(kernel, Unit(build(SLOW)), "s")
    kernel.run()
    kernel.result(call(kernel), Failure("program", "no such luck"))
    answer = done(kernel)[1]
    assert isinstance(answer, Failure) and answer.message == "no such luck"
    kernel.result(call(kernel), 0)  # the last call of its `on stop`
    kernel.run()
    assert kernel.outer.find("Host/s") is None and not kernel.ended
    assert guest(kernel, Unit(build(SLOW)), "s").gate, "the name is free again"


def test_a_start_that_fails_deep_below_is_the_answer_too() -> None:
    kernel = host()
    text = SLOW + "coglet Main { create s = Slow { restart: never } }"
    guest(kernel, Unit(build(text)), "m")
    kernel.run()
    kernel.result(call(kernel), Failure("program", "deep"))
    assert str(done(kernel)[1]) == "deep"
    kernel.result(call(kernel), 0)
    kernel.run()
    assert kernel.outer.find("Host/m") is None and not kernel.ended


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (["Nowhere", "u", "Doubler", "d", {}], "no coglet `Nowhere`"),
        (["Host/x", "u", "Doubler", "d", {}], "no coglet `Host/x`"),
        (["Host", "v", "Doubler", "d", {}], "no coglet `Doubler` in a unit `v`"),
        (["Host", "u", "Nobody", "d", {}], "no coglet `Nobody`"),
        (["Host", "u", "Doubler", "a/b", {}], "cannot have a child `a/b`"),
        (["Host", "u", "Doubler", "", {}], "cannot have a child ``"),
        (["Host", "u", "Doubler", "d", {"z": 1}], "no parameter `z`"),
    ],
)
def test_a_creation_that_makes_no_sense_is_refused_and_leaves_nothing(data: list[Any], words: str) -> None:
    kernel = host()
    unit = Unit(build(DOUBLER))
    kernel.adopt("u", unit)
    data[2] = unit.bundle.root if data[2] == "Doubler" else data[2]
    with pytest.raises(Failure, match=words):
        kernel.order(1, "create", *data, {"restart": "never", "max_restarts": 0, "backoff": 0})
    assert done(kernel) == {} and not kernel.outer.pending
    assert kernel.root is not None and kernel.root.members() == []


def test_a_state_that_cannot_be_made_refuses_the_creation() -> None:
    kernel = host()
    unit = Unit(build("coglet Main(n: int) { state x: int = 10 // n }"))
    with pytest.raises(Failure, match="zero"):
        guest(kernel, unit, "m", n=0)
    assert kernel.root is not None and kernel.root.members() == []
    assert guest(kernel, unit, "m", n=2).states == [5]


def test_a_stop_answers_when_the_coglet_has_stopped() -> None:
    kernel = host()
    guest(kernel, Unit(build(SLOW)), "s")
    kernel.run()
    kernel.result(call(kernel), 1)
    done(kernel)
    kernel.order(2, "stop", "Host/s")
    assert done(kernel) == {}
    kernel.result(call(kernel), 1)
    assert done(kernel) == {2: True}
    assert kernel.outer.find("Host/s") is None


def test_a_coglet_that_fails_without_restarts_stops_alone() -> None:
    kernel = pair()
    unit = Unit(build(CRASH))
    kernel.adopt("c", unit)
    never = {"restart": "never", "max_restarts": 0, "backoff": 0}
    kernel.order(3, "create", "Host", "c", unit.bundle.root, "c", {}, never)
    kernel.order(4, "input", "Host/c", "x", 0)
    ended = done(kernel)
    assert "zero" in str(ended[4])
    assert kernel.outer.find("Host/c") is None and kernel.outer.find("Host/d") is not None and not kernel.ended
    assert [e.value for e in kernel.effects if isinstance(e, LogLine)] == [
        "it failed, and is stopped: a division by zero"
    ]


def test_the_root_cannot_be_stopped_by_an_order() -> None:
    kernel = host()
    with pytest.raises(Failure, match="the root"):
        kernel.order(1, "stop", "Host")


def test_orders_that_wait_for_a_coglet_end_when_it_stops() -> None:
    kernel = host()
    guest(kernel, Unit(build(SLOW)), "s")
    kernel.order(2, "input", "Host/s", "x", 1)
    kernel.order(3, "stop", "Host/s")
    kernel.run()
    kernel.result(call(kernel), 1)
    ended = done(kernel)
    assert ended[3] is True and ended[1].kind == ended[2].kind == "stopped"
    assert not kernel.outer.pending and not kernel.outer.unstarted


# ---- messages and commands -----------------------------------------------------------------------------------


def test_an_input_answers_when_its_reaction_has_ended() -> None:
    kernel = host()
    guest(kernel, Unit(build(SLOW)), "s")
    kernel.run()
    kernel.result(call(kernel), 1)
    done(kernel)
    kernel.order(2, "input", "Host/s", "x", 5)
    kernel.order(3, "input", "Host/s", "x", 6)
    assert done(kernel) == {}
    kernel.result(call(kernel), 1)
    assert done(kernel) == {2: None}
    kernel.result(call(kernel), Failure("program", "late"))
    assert str(done(kernel)[3]) == "late"


def test_an_input_is_checked_before_it_enters() -> None:
    kernel = pair()
    with pytest.raises(Failure, match="`x`"):
        kernel.order(5, "input", "Host/d", "x", "seven")
    with pytest.raises(Failure, match="listens to `x`"):
        kernel.order(6, "input", "Host/d", "nope", 1)
    assert states(kernel, "Host/d") == [0] and not kernel.outer.pending


def test_a_transmit_comes_out_of_the_coglet_and_goes_over_links() -> None:
    kernel = pair()
    kernel.order(5, "transmit", "Host/d", "y", 9)
    kernel.order(6, "transmit", "Host/d", "unknown", 9)
    assert done(kernel) == {5: None, 6: None}
    assert states(kernel, "Host/k") == [[9]]
    with pytest.raises(Failure, match="`y`"):
        kernel.order(7, "transmit", "Host/d", "y", "nine")


def test_a_command_takes_its_data_by_name_or_alone() -> None:
    kernel = pair()
    for number, data in enumerate(({"by": 2, "times": 3}, {"by": 1}, 4), 10):
        kernel.order(number, "enact", "Host/d", "add", data)
    assert done(kernel) == {10: None, 11: None, 12: None}
    assert states(kernel, "Host/d") == [11]
    kernel.order(13, "enact", "Host/d", "clear", None)
    done(kernel)
    assert states(kernel, "Host/d") == [0]


@pytest.mark.parametrize(
    ("command", "data", "words"),
    [("add", "x", "`by` of `add`"), ("add", {"of": 1}, "`by` of `add`"), ("grow", 1, "commands: `add`, `clear`")],
)
def test_a_command_that_does_not_fit_is_refused(command: str, data: Any, words: str) -> None:
    kernel = pair()
    with pytest.raises(Failure, match=words):
        kernel.order(5, "enact", "Host/d", command, data)
    assert not kernel.outer.pending


# ---- links ---------------------------------------------------------------------------------------------------


def test_a_link_from_outside_carries_messages_and_can_be_removed() -> None:
    kernel = pair()
    kernel.order(5, "input", "Host/d", "x", 3)
    done(kernel)
    kernel.order(6, "link", "Host/d", "y", "Host/k", "got")  # a second time: nothing more
    kernel.order(7, "input", "Host/d", "x", 4)
    done(kernel)
    kernel.order(8, "unlink", "Host/d", "y", "Host/k", "got")
    kernel.order(9, "input", "Host/d", "x", 5)
    done(kernel)
    assert states(kernel, "Host/k") == [[6, 8]]
    with pytest.raises(Failure, match="link not found"):
        kernel.order(10, "unlink", "Host/d", "y", "Host/k", "got")
    assert kernel.outer.own == set()


def test_a_link_may_begin_at_a_listen_channel() -> None:
    kernel = pair()
    kernel.order(5, "link", "Host/d", "x", "Host/k", "got")
    kernel.order(6, "input", "Host/d", "x", 3)
    done(kernel)
    assert states(kernel, "Host/k") == [[3, 6]]
    kernel.order(7, "unlink", "Host/d", "x", "Host/k", "got")
    kernel.order(8, "input", "Host/d", "x", 4)
    done(kernel)
    assert states(kernel, "Host/k") == [[3, 6, 8]] and states(kernel, "Host/d") == [2]


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (("Host/d", "y", "Host/k", "words"), "`y` of Doubler is `int`, `words` of Keeper takes `string`"),
        (("Host/d", "z", "Host/k", "got"), "transmits `y`"),
        (("Host/d", "y", "Host/k", "gone"), "listens to `got`, `words`"),
        (("Host/e", "y", "Host/k", "got"), "no coglet `Host/e`"),
        (("Host/d", "y", "Host/k[0]", "got"), "no coglet"),
    ],
)
def test_a_link_that_cannot_be_is_refused_with_both_types(ends: tuple[str, ...], words: str) -> None:
    kernel = pair()
    with pytest.raises(Failure, match=words):
        kernel.order(5, "link", *ends)
    assert kernel.outer.all_links() == [Link("Host/d", "y", "Host/k", "got")]


def test_a_link_whose_types_may_fit_checks_each_message() -> None:
    kernel = pair()
    loose = "coglet Loose { listen go: any\n transmit out: any\n on go as v { out <- v } }"
    guest(kernel, Unit(build(loose)), "l", 5)
    kernel.order(6, "link", "Host/l", "out", "Host/k", "got")
    for number, value in enumerate((1, "two", 3), 7):
        kernel.order(number, "input", "Host/l", "go", value)
    done(kernel)
    assert states(kernel, "Host/k") == [[1, 3]] and kernel.losses.letters["type"] == 1
    assert ["lost a message" in str(e.value) for e in kernel.effects if isinstance(e, LogLine)] == [True]


def test_a_link_survives_the_restart_of_either_end() -> None:
    kernel = host()
    guest(kernel, Unit(build(CRASH)), "c")
    guest(kernel, Unit(build(KEEPER.replace("seen + [v]", "seen + [100 // v]"))), "k")
    kernel.order(2, "link", "Host/c", "y", "Host/k", "got")
    for number, value in enumerate((0, 5, 20, 2), 3):  # 0 fails the source, 20 the target
        kernel.order(number, "input", "Host/c", "x", value)
        done(kernel)
        kernel.advance(kernel.now + 10**9)
        done(kernel)
    assert states(kernel, "Host/k") == [[20]] and kernel.losses.restarts == {"Host/c": 1, "Host/k": 1}


def test_a_link_of_a_child_survives_the_restart_of_its_parent() -> None:
    text = """
    coglet Child { listen x: int
      transmit y: int
      on x as v { y <- v } }
    coglet Main { listen x: int
      create a = Child
      create b = Child
      link a.y -> b.x
      on x as v { log info 1 // v } }
    """
    kernel = host()
    guest(kernel, Unit(build(text)), "m")
    guest(kernel, Unit(build(KEEPER)), "k")
    kernel.order(2, "link", "Host/m/b", "y", "Host/k", "got")
    kernel.order(3, "link", "Host/m/a", "y", "Host/k", "got")
    kernel.order(4, "input", "Host/m/a", "x", 1)
    done(kernel)
    kernel.order(5, "input", "Host/m", "x", 0)
    done(kernel)
    kernel.advance(10**9)
    done(kernel)
    assert kernel.losses.restarts == {"Host/m": 1}
    kernel.order(6, "input", "Host/m/a", "x", 2)
    done(kernel)
    assert states(kernel, "Host/k") == [[1, 1, 2, 2]] and len(kernel.outer.all_links()) == 2


def test_a_link_survives_every_rewiring() -> None:
    text = """
    coglet W { listen x: int
      transmit y: int
      on x as v { y <- v } }
    coglet Main { listen go: int
      listen add: int
      transmit out: int
      create w = W * 1..5
      link self.go -> w.x
      link w.y -> self.out
      on add as _ { create w() } }
    """
    kernel = host()
    guest(kernel, Unit(build(text)), "m")
    guest(kernel, Unit(build(KEEPER)), "k")
    kernel.order(2, "link", "Host/m/w[0]", "y", "Host/k", "got")
    kernel.order(3, "link", "Host/m", "go", "Host/k", "got")
    kernel.order(4, "input", "Host/m", "add", 0)
    kernel.order(5, "input", "Host/m", "go", 7)
    done(kernel)
    assert sorted(states(kernel, "Host/k")[0]) == [7, 7]


@pytest.mark.parametrize("end", ["d", "k"])
def test_a_link_goes_with_either_end(end: str) -> None:
    kernel = pair()
    kernel.order(5, "stop", f"Host/{end}")
    done(kernel)
    assert kernel.outer.links == {} and kernel.outer.own == set()
    if end == "k":
        kernel.order(6, "input", "Host/d", "x", 1)
        assert done(kernel) == {6: None}


# ---- taps ----------------------------------------------------------------------------------------------------


def test_a_tap_hears_a_channel_and_changes_nothing() -> None:
    plain, tapped = pair(True), pair(True)
    heard: list[tuple[str, Any]] = []
    tapped.outer.tap("Host/d", "y", lambda v: heard.append(("y", v)))
    tapped.outer.tap("Host/d", "x", lambda v: heard.append(("x", v)))
    tapped.outer.watch = lambda path, channel: lambda v: heard.append((f"{path} {channel}", v))
    for kernel in (plain, tapped):
        for number, value in enumerate((1, 2), 5):
            kernel.order(number, "input", "Host/d", "x", value)
            done(kernel)
        kernel.order(7, "unlink", "Host/d", "y", "Host/k", "got")
        kernel.order(8, "input", "Host/d", "x", 3)
        kernel.order(9, "transmit", "Host/d", "other", 4)
        done(kernel)
    assert plain.trace is not None and tapped.trace is not None
    assert plain.trace.records == tapped.trace.records
    assert plain.losses.unheard == tapped.losses.unheard == {"Doubler.y": 1}
    assert [e for e in heard if e[0] in "xy"] == [("x", 1), ("y", 2), ("x", 2), ("y", 4), ("x", 3), ("y", 6)]
    assert ("Host/d other", 4) in heard


def test_taps_are_removed_by_the_function_that_was_given() -> None:
    kernel = pair()
    heard: list[Any] = []

    def tap(value: Any) -> None:
        heard.append(value)

    kernel.outer.tap("Host/d", "x", tap)
    kernel.order(5, "input", "Host/d", "x", 1)
    done(kernel)
    kernel.outer.untap("Host/d", "x", tap)
    kernel.order(6, "input", "Host/d", "x", 2)
    done(kernel)
    inst = kernel.outer.find("Host/d")
    assert inst is not None and inst.ports is not None
    assert heard == [1] and inst.ports["x"].simple is not None and inst.forwards is None


def test_the_compilers_own_channels_and_states_are_nobodys_business() -> None:
    kernel = Kernel(Unit(build('plan P { goal: "g"\n  step one: f() }\nprogram f() -> string = shell ["true"]', "P")))
    kernel.start({})
    kernel.run()
    assert "·draft" in kernel.root.code.listens  # type: ignore[union-attr]  # it is there, for the plan itself
    for words in (
        ("input", "P", "·draft", None),
        ("link", "P", "result", "P", "·draft"),
        ("link", "P", "·x", "P", "goal"),
    ):
        with pytest.raises(Failure, match="no channel `·"):
            kernel.order(1, *words)
    assert inspect(kernel, {}, 0)["states"] == {}
