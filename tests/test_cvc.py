"""The player of Cogs vs Clips: its heuristic in a world of a few lines, the running system around it, and the game where it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from zipfile import ZipFile

import pytest

from support.cli import cogc, cogc_here
from support.games import GAMES
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
    for name in [n for n in sys.modules if n.split(".")[0] in ("cvc", "games", "player")]:
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
    import games

    def game(policy: str, seed: int, score: float) -> dict[str, Any]:
        return {"policy": policy, "seed": seed, "result": {"score": score, "timeouts": seed, "step_p99_ms": 2.0}}

    text = games.table([game("random", 0, 0.0), game("ours", 0, 3.0), game("ours", 1, 5.0), game("random", 1, 0.0)])
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["ours", "2", "4.00", "±12.71", "1", "2.0"],
        ["random", "2", "0.00", "±0.00", "1", "2.0"],
    ]
    assert games.interval([1.0]) == 0.0


def test_the_coach_keeps_what_is_no_worse_and_takes_back_the_rest(tmp_path: Path) -> None:
    """The whole session with the real git, the real plan and its definition of done; only the games are not played."""
    for name in ("coach.cog", "coach.yml", "player.py"):
        (tmp_path / name).write_text((PLAYER / name).read_text())
    (tmp_path / "games.py").write_text(GAMES)
    words = ["coach.cog", "--set", "seeds=[1, 2, 3]", "--set", "steps=10"]
    done = cogc("run", *words, cwd=tmp_path, GIT_CONFIG_GLOBAL="/dev/null")
    assert done.returncode == 0, done.stderr
    rounds = [json.loads(line.removeprefix("round: ")) for line in done.stdout.splitlines()]
    assert [r["verdict"] for r in rounds] == ["taken back", "kept", "taken back", "kept"]
    kept = json.loads((tmp_path / "work" / "heuristic.json").read_text())
    assert kept == {"poor": 3, "rich": 64, "scramblers": 1, "crowd": 7, "patience": 3}
    log = [json.loads(line) for line in (tmp_path / "work" / "coach_log.jsonl").read_text().splitlines()]
    assert [line["verdict"] for line in log] == [r["verdict"] for r in rounds]
    known = json.loads((tmp_path / "work" / "experience.json").read_text()).values()
    assert len(known) == 5 and all(len(k["scores"]) == 3 for k in known)
    assert [learnt["report"]["cogs"] for learnt in next(iter(known))["learnt"]] == [1, 2, 3]
    words = ["git", "-C", str(tmp_path / "work"), "log", "--format=%s", "--reverse"]
    subjects = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert (
        len(subjects) == 7 and subjects[1].startswith("poor = 1000") and subjects[2].startswith('Revert "poor = 1000')
    )


def bridge(tmp_path: Path, **scripts: str) -> Path:
    """Return a folder with the bridge to the game, whose commands are these scripts."""
    for name in ("game.cog", "ship.cog", "gamelet.cog", "gamelet.py", "games.py"):
        (tmp_path / name).write_text((PLAYER / name).read_text())
    for name, text in scripts.items():
        file = tmp_path / name.replace("_", ".")
        file.write_text(f"#!/bin/sh\n{text}")
        file.chmod(0o755)
    return tmp_path


def test_a_game_shows_its_scenes_while_it_goes_on_and_then_its_result(tmp_path: Path) -> None:
    scene = {"step": 20, "held": 2, "clips": 1, "score": 1.5, "roles": {"0": "miner"}, "map": "##\n#0"}
    result = {"score": 2.5, "steps": 40, "agents": 8, "timeouts": 0, "step_p50_ms": 1.0, "step_p99_ms": 2.0}
    said = json.dumps({"scene": scene}), json.dumps(result)
    folder = bridge(tmp_path, play_sh=f"echo \"$@\" >&2\ncat <<'END'\n{said[0]}\nloading\n{said[1]}\nEND\n")
    done = cogc("run", "game.cog", "--set", "steps=40", "--trace=t.jsonl", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.removeprefix("result: ")) == {"policy": "coglet", "seed": 42, "result": result}
    records = [json.loads(line) for line in (folder / "t.jsonl").read_text().splitlines()]
    assert [r["data"] for r in records if r.get("channel") == "scene" and r["kind"] == "transmit"] == [scene]


def test_a_policy_is_uploaded_entered_and_looked_up(tmp_path: Path) -> None:
    row = {"rank": 2, "policy": {"id": "x", "name": "coglet", "version": 3}, "score": 7, "matches": 12, "more": None}
    script = f"""case "$1" in
upload) echo 'Uploading'; echo 'Upload complete: coglet:v3';;
submit) [ "$2 $3 $4" = "coglet:v3 --season beta" ] && echo 'Added to pools: a, b';;
leaderboard) printf '%s' '{json.dumps([row])}';;
esac"""
    folder = bridge(tmp_path, cogames=script)
    done = cogc("run", "ship.cog", "--set", "season=beta", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.removeprefix("board: ")) == [
        {"rank": 2, "policy": "coglet:v3", "score": 7.0, "matches": 12}
    ]
    assert 'entered in beta, pools ["a", "b"]' in done.stderr


def test_a_command_of_the_game_that_fails_ends_the_run_with_its_words(tmp_path: Path) -> None:
    folder = bridge(tmp_path, cogames="echo 'Error: Not authenticated.'; exit 1\n")
    done = cogc("run", "ship.cog", "--set", "season=beta", cwd=folder)
    assert done.returncode == 3 and "cogames upload ended with 1: Error: Not authenticated." in done.stderr


def game() -> None:
    pytest.importorskip("cogames", reason="cogames is not installed: pip install 'cogc[cvc]', on Python 3.11 or 3.12")


def test_an_episode_is_played_where_the_game_is_installed() -> None:
    game()
    words = [sys.executable, "play.py", "--seed", "1", "--steps", "60", "--every", "30"]
    done = subprocess.run(words, cwd=PLAYER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *scenes, result = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert (result["steps"], result["agents"]) == (60, 8)
    assert [s["scene"]["step"] for s in scenes] == [30, 60]
    rows = scenes[0]["scene"]["map"].splitlines()
    assert len(rows) == 56 and {len(row) for row in rows} == {56} and all(str(n) in "".join(rows) for n in range(8))


class Tournament(BaseHTTPRequestHandler):
    """A tournament's server, as far as the client of cogames asks it. `asked` has what was asked."""

    asked: ClassVar[list[str]] = []
    version: ClassVar[str] = "6a8ff1a8-5d84-4c8e-a3f3-7ce52f21d9a1"
    bundle: ClassVar[bytes] = b""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address = f"http://{self.headers['Host']}"
        path = self.path.partition("?")[0].removeprefix("/observatory")
        self.asked.append(f"{self.command} {path}")
        if path == "/store":
            type(self).bundle = body
        summary = {"id": self.version, "name": "coglet", "version": 3}
        season = {
            "id": self.version, "name": "beta", "display_name": "Beta", "version": 1, "canonical": True, "summary": "",
            "is_default": True, "status": "in_progress", "created_at": "2026-01-01T00:00:00Z", "public": True,
            "tournament_type": "freeplay", "pools": [],
            "entrant_count": 0, "active_entrant_count": 0, "match_count": 0, "stage_count": 0,
        }  # fmt: skip
        row = {
            **summary, "user_id": "u", "policy_id": self.version, "created_at": "2026-01-01T00:00:00Z",
            "policy_created_at": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        answers: dict[str, Any] = {
            "/whoami": {"user_email": "a@b.c"},
            "/tournament/seasons": [season],
            "/tournament/seasons/beta": season,
            "/stats/policies/submit/presigned-url": {"upload_url": f"{address}/store", "s3_key": "k", "upload_id": self.version},
            "/stats/policies/submit/complete": summary,
            "/stats/policy-versions": {"entries": [row], "total_count": 1},
            "/tournament/seasons/beta/submissions": {"pools": ["a"]},
            "/tournament/seasons/beta/leaderboard": [{"rank": 1, "policy": summary, "score": 9.5, "matches": 4}],
            "/store": {},
        }  # fmt: skip
        data = json.dumps(answers.get(path, {"detail": "unknown"})).encode()
        self.send_response(200 if path in answers else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_the_client_of_cogames_takes_the_policy_to_a_server_where_it_is_installed(tmp_path: Path) -> None:
    game()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tournament)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    (tmp_path / ".metta").mkdir()
    (tmp_path / ".metta" / "cogames.yaml").write_text(json.dumps({"login_tokens": {address: "token"}}))
    words = [str(PLAYER / "ship.cog"), "--set", "season=beta", "--set", f"server={address}"]
    try:
        done = cogc("run", *words, HOME=str(tmp_path), CVC_PYTHON=sys.executable)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr + str(Tournament.asked)
    assert json.loads(done.stdout.removeprefix("board: "))[0] == {
        "rank": 1, "policy": "coglet:v3", "score": 9.5, "matches": 4
    }  # fmt: skip
    names = ZipFile(BytesIO(Tournament.bundle)).namelist()
    assert {"cvc/cvc_policy.py", "policy.cog", "heuristic.json", "setup_policy.py"} <= set(names)
