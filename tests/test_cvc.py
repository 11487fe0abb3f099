"""The player of Cogs vs Clips: its heuristic in a world of a few lines, the running system around it, and the game where it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cli import cogc, cogc_here
from support.paths import ROOT

PLAYER = ROOT / "examples" / "cvc"
ELEMENTS = ("carbon", "oxygen", "germanium", "silicon")
STEPS = {"north": (-1, 0), "south": (1, 0), "west": (0, -1), "east": (0, 1), "": (0, 0)}
PLAN = """
##############
#A..c....J...#
#...#........#
#...#..o...J.#
#.J.#...H....#
#...##.......#
#.m...A....g.#
#.a..........#
#.x...s....K.#
#........A...#
##############
"""
KINDS = {"#": "wall", "H": "hub", "J": "junction", "K": "junction", "m": "miner", "a": "aligner", "x": "scrambler"}
KINDS |= {letter: f"{name}_extractor" for letter, name in zip("cogs", ELEMENTS, strict=True)}


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the modules of the example be imported, and forget them afterwards."""
    monkeypatch.syspath_prepend(str(PLAYER))
    yield
    for name in [n for n in sys.modules if n.split(".")[0] in ("cvc", "tournament", "player")]:
        del sys.modules[name]


class World:
    """The rules of the mission on a small map, without its Clips' moves."""

    def __init__(self) -> None:
        rows = PLAN.split()
        self.kinds = {(r, c): KINDS[x] for r, row in enumerate(rows) for c, x in enumerate(row) if x in KINDS}
        self.owners = {(r, c): "clips" for r, row in enumerate(rows) for c, x in enumerate(row) if x == "K"}
        self.places = [(r, c) for r, row in enumerate(rows) for c, x in enumerate(row) if x == "A"]
        self.began = list(self.places)
        self.bags: list[dict[str, int]] = [{} for _ in self.places]
        self.store = dict.fromkeys(ELEMENTS, 0)

    def seen(self, agent: int, step: int) -> dict[str, Any]:
        at, began, radius = self.places[agent], self.began[agent], 3
        near = {p: k for p, k in self.kinds.items() if max(abs(p[0] - at[0]), abs(p[1] - at[1])) <= radius}
        near |= {p: "agent" for p in self.places if max(abs(p[0] - at[0]), abs(p[1] - at[1])) <= radius}
        return {
            "agent": agent, "step": step, "row": at[0] - began[0], "col": at[1] - began[1], "radius": radius,
            "inventory": dict(self.bags[agent]), "store": dict(self.store) if "hub" in near.values() else {},
            "things": [
                {"row": p[0] - at[0], "col": p[1] - at[1], "kind": k, "owner": self.owners.get(p, "")} for p, k in near.items()
            ],
        }  # fmt: skip

    def move(self, agent: int, direction: str) -> None:
        row, col = self.places[agent]
        to = row + STEPS[direction][0], col + STEPS[direction][1]
        if to in self.kinds:
            self.use(self.bags[agent], to, self.kinds[to])
        elif to not in self.places:
            self.places[agent] = to

    def use(self, bag: dict[str, int], place: tuple[int, int], kind: str) -> None:
        if kind in ("miner", "aligner", "scrambler"):
            for role in ("miner", "aligner", "scrambler"):
                bag.pop(role, None)
            bag[kind] = 1
        elif kind.endswith("_extractor"):
            room = (40 if "miner" in bag else 4) - sum(bag.get(e, 0) for e in ELEMENTS)
            element = kind.removesuffix("_extractor")
            bag[element] = bag.get(element, 0) + min(room, 10 if "miner" in bag else 1)
        elif kind == "hub" and any(bag.get(e) for e in ELEMENTS):
            for element in ELEMENTS:
                self.store[element] += bag.pop(element, 0)
        elif kind == "hub" and not bag.get("heart") and all(self.store.values()):
            self.store = {e: n - 1 for e, n in self.store.items()}
            bag["heart"] = 1
        elif kind == "junction" and bag.get("heart"):
            if "aligner" in bag and not self.owners.get(place):
                self.owners[place] = "cogs"
                bag["heart"] = 0
            elif "scrambler" in bag and self.owners.get(place) == "clips":
                self.owners[place] = ""
                bag["heart"] = 0

    def play(self, move: Any, steps: int) -> list[str]:
        """Play so many steps, and return all moves. `move` gives the direction for an observation."""
        made = []
        for step in range(steps):
            for agent in range(len(self.places)):
                made.append(move(self.seen(agent, step)))
                self.move(agent, made[-1])
        return made

    def held(self) -> list[str]:
        return [self.owners.get(p, "") for p, kind in self.kinds.items() if kind == "junction"]


def test_the_team_finds_its_base_mines_takes_and_scrambles(player: None) -> None:
    from cvc.heuristic import Team
    from cvc.settings import settings

    world, team = World(), Team(3, settings())
    world.play(team.step, 400)
    assert world.held() == ["cogs"] * 4
    report = team.report(400)
    assert (report["cogs"], report["clips"], report["neutral"], report["at_home"]) == (4, 0, 0, 3)


def test_a_way_goes_around_walls_and_ends_beside_what_is_used(player: None) -> None:
    from cvc.geometry import direction, route

    wall = {(r, 2) for r in range(-1, 4)}
    way = route((0, 0), (0, 4).__eq__, wall | {(0, 4)})
    assert way is not None and way[-1] == (0, 4) and len(way) == 8 and not wall & set(way)
    assert direction((0, 0), (0, 1)) == "east"
    closed = {(0, 1), (1, 0), (0, -1), (-1, 0)}
    assert route((0, 0), (5, 5).__eq__, closed) is None


def test_agents_that_have_not_seen_the_hub_keep_a_map_of_their_own(player: None) -> None:
    from cvc.heuristic import Team
    from cvc.settings import settings

    world, team = World(), Team(3, settings())
    for agent in range(3):
        team.cogs[agent].look(world.seen(agent, 0), team.map)
    sees = [any(t["kind"] == "hub" for t in world.seen(agent, 0)["things"]) for agent in range(3)]
    assert sees == [False, True, False]
    assert [cog.map is team.map for cog in team.cogs] == sees
    assert team.map.places["hub"] == {(0, 0)}


def test_advice_changes_roles_but_no_agent_drops_what_it_carries(player: None) -> None:
    from cvc.heuristic import Team
    from cvc.settings import settings

    team = Team(3, settings())
    team.advised = {"miner": 0, "aligner": 0, "scrambler": 3}
    world = World()
    world.bags[0] = {"aligner": 1, "heart": 1}
    before = team.cogs[0].role
    world.play(team.step, 1)
    assert [cog.role for cog in team.cogs] == [before, "scrambler", "scrambler"]


@pytest.mark.parametrize(
    ("text", "said"), [("[]", "a record"), ('{"speed": 3}', "whole numbers"), ('{"poor": "3"}', "of")]
)
def test_settings_that_are_none_are_refused(player: None, tmp_path: Path, text: str, said: str) -> None:
    from cvc.settings import settings

    (tmp_path / "s.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        settings(str(tmp_path / "s.json"))


def test_the_running_system_moves_as_the_heuristic_and_is_replayed_without_it(player: None, tmp_path: Path) -> None:
    from cvc.heuristic import Team
    from cvc.settings import settings
    from cvc.system import System

    expected = World().play(Team(3, settings()).step, 40)
    system = System(3, 30, record=str(tmp_path / "r.jsonl"))
    try:
        assert World().play(system.move, 40)[: 3 * 30] == expected[: 3 * 30]
    finally:
        system.stop()
    assert [learnt["report"]["step"] for learnt in system.learnings] == [29]
    assert system.learnings[0]["advice"]["aligners"] == 4
    done = cogc_here("run", str(PLAYER / "policy.cog"), "--root", "Policy", "--replay", str(tmp_path / "r.jsonl"))
    moves = [json.loads(line.removeprefix("move: ")) for line in done.stdout.splitlines() if line.startswith("move: ")]
    assert done.returncode == 0, done.stderr
    assert [m["direction"] for m in moves][: 3 * 30] == expected[: 3 * 30] and len(moves) == 120


def test_a_table_has_the_best_first_with_the_interval_of_its_mean(player: None) -> None:
    import tournament

    def game(policy: str, seed: int, score: float) -> dict[str, Any]:
        return {"policy": policy, "seed": seed, "result": {"score": score, "timeouts": seed, "step_p99_ms": 2.0}}

    text = tournament.table(
        [game("random", 0, 0.0), game("ours", 0, 3.0), game("ours", 1, 5.0), game("random", 1, 0.0)]
    )
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["ours", "2", "4.00", "±12.71", "1", "2.0"],
        ["random", "2", "0.00", "±0.00", "1", "2.0"],
    ]
    assert tournament.interval([1.0]) == 0.0


def test_the_coach_keeps_what_is_no_worse_and_takes_back_the_rest(tmp_path: Path) -> None:
    """The whole session with the real git, the real plan and its definition of done; only the games are not played."""
    for name in ("coach.cog", "coach.yml", "player.py"):
        (tmp_path / name).write_text((PLAYER / name).read_text())
    (tmp_path / "tournament.py").write_text(
        "import json\n"
        "def episode(policy, seed, steps, *keywords):\n"
        "    file = dict(k.split('=', 1) for k in keywords)['heuristic']\n"
        "    s = json.loads(open(file).read())\n"
        "    return {'score': 20 + seed - 2 * s['scramblers'] + s['crowd'] - min(15, s['poor'] / 10)}\n"
    )
    words = ["coach.cog", "--set", "seeds=[1, 2, 3]", "--set", "steps=10"]
    done = cogc("run", *words, cwd=tmp_path, GIT_CONFIG_GLOBAL="/dev/null")
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line.removeprefix("round: ")) for line in done.stdout.splitlines()]
    assert [r["verdict"] for r in rounds] == ["taken back", "kept", "taken back", "kept"]
    kept = json.loads((tmp_path / "work" / "heuristic.json").read_text())
    assert kept == {"poor": 3, "rich": 64, "scramblers": 1, "crowd": 7, "patience": 3}
    log = [json.loads(line) for line in (tmp_path / "work" / "coach_log.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in log] == [r["verdict"] for r in rounds]
    words = ["git", "-C", str(tmp_path / "work"), "log", "--format=%s", "--reverse"]
    subjects = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert (
        len(subjects) == 7 and subjects[1].startswith("poor = 1000") and subjects[2].startswith('Revert "poor = 1000')
    )


def test_an_episode_is_played_where_the_game_is_installed() -> None:
    pytest.importorskip("cogames", reason="cogames is not installed: pip install 'cogc[cvc]', on Python 3.11 or 3.12")
    words = [sys.executable, "play.py", "--seed", "1", "--steps", "60"]
    done = subprocess.run(words, cwd=PLAYER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["steps"], result["agents"]) == (60, 8)
