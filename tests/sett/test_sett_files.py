"""The files of setts, `sett.yml` and `holt.yml`: what the first system takes is taken, and what it refuses is refused with its place.

The names of the cases are those of the first system's own tests of its configuration, where it has one.
"""

from __future__ import annotations

import pytest

from support.specs import check_text

IMAGE = 'image: "x:1", command: ["/app/run.sh"]'
BID = f"{IMAGE}, bidding_strategy: claim"
WORKER = 'image: "w:1", command: ["/app/run.sh"]'
GOOD = f'version: "1.0"\nagents:\n  Coder: {{{BID}}}\n'


def reports(text: str) -> list[str]:
    """Return the errors in the text of a sett's file: place, code and message."""
    found = [d for d in check_text(text, "holt.yml")[1] if d.severity == "error"]
    return [f"%d:%d {d.code} {d.message}; {d.help}" % d.span.position() for d in found]


def of(agent: str, name: str = "Coder") -> str:
    return f'version: "1.0"\nagents:\n  {name}: {{{agent}}}\n'


TAKEN = {
    "valid configuration": GOOD,
    "version as a number": GOOD.replace('"1.0"', "1.0"),
    "role with hyphen": of(BID, "Code-Reviewer"),
    "role in small letters": of(BID, "git-agent"),
    "role key of older versions": of(f"{BID}, role: 'Example Agent'"),
    "image may be left out": of('command: ["./run.sh"], bidding_strategy: claim'),
    "all bidding strategies": 'version: "1.0"\nagents:\n'
    + "".join(f"  A{i}: {{{IMAGE}, bidding_strategy: {s}}}\n" for i, s in enumerate(["review", "claim", "ignore"]))
    + f"  E: {{{IMAGE}, bidding_strategy: exclusive}}\n",
    "bid script only": of(f'{IMAGE}, bid_script: ["/app/bid.sh"]'),
    "bid script and strategy": of(f'{BID}, bid_script: ["/app/bid.sh"]'),
    "workspace modes": of(f"{BID}, workspace: {{mode: rw}}") + f"  B: {{{BID}, workspace: {{mode: ro}}}}\n",
    "workspace without mode": of(f"{BID}, workspace: {{}}"),
    "container strategies": of(f"{BID}, strategy: reuse") + f"  B: {{{BID}, strategy: fresh_per_call}}\n",
    "build context skipped with an image": of(f"{BID}, build: {{context: ./nowhere}}"),
    "orchestrator section without iterations": GOOD + "orchestrator: {}\n",
    "iterations without limit": GOOD + "orchestrator: {max_review_iterations: 0}\n",
    "iterations": GOOD + "orchestrator: {max_review_iterations: 10}\n",
    "controller with worker": of(
        f"{BID}, mode: controller, worker: {{{WORKER}, max_concurrent: 3, workspace: {{mode: rw}}}}"
    ),
    "controller worker default max_concurrent": of(f"{BID}, mode: controller, worker: {{{WORKER}, max_concurrent: 0}}"),
    "worker without mode": of(f"{BID}, worker: {{{WORKER}}}"),
    "resources": of(
        f'{BID}, resources: {{limits: {{cpus: "0.50", memory: 512M}}, reservations: {{cpus: 0.25, memory: 256M}}}}'
    ),
    "prompts": of(f"{BID}, prompts: {{claim: a, execution: b}}"),
    "health check": of(f'{BID}, health_check: {{command: ["true"], interval: "30s", timeout: 5s}}'),
    "environment": of(f'{BID}, environment: ["TOKEN", "LOG_LEVEL=debug", "KEY=${{KEY}}"]'),
    "replicas": of(f"{BID}, replicas: 3, strategy: fresh_per_call"),
    "network and timeout": of(f"{BID}, network: true, timeout: 90s"),
    "services": GOOD
    + 'services: {redis: {image: "r:7"}, orchestrator: {image: "o", resources: {limits: {cpus: "1"}}}}\n',
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_the_first_system_takes_is_taken(case: str) -> None:
    assert reports(TAKEN[case]) == []


REFUSED = {
    "unsupported version": (GOOD.replace("1.0", "2.0"), '1:10 COG203 `2.0` is not a value of `version`; it is one of `"1.0"`'),
    "no version": (GOOD.partition("\n")[2], "1:1 COG005 "),
    "no agents": ('version: "1.0"\nagents: {}\n', "2:1 COG202 "),
    "role with another character": (of(BID, "Code_Reviewer"), "3:3 COG327 `Code_Reviewer` cannot be the name"),
    "role too long": (of(BID, "W" * 65), "3:3 COG327 "),
    "empty role": (of(BID, '""'), "3:3 COG327 "),
    "missing command": (of('image: "x", bidding_strategy: claim'), "3:3 COG202 agent `Coder` of a sett needs the attribute `command`"),
    "empty command": (of('image: "x", command: [], bidding_strategy: claim'), "3:32 COG206 "),
    "neither strategy nor script": (of(IMAGE), "3:3 COG202 agent `Coder` needs the attribute `bidding_strategy`; add `bidding_strategy: review`"),
    "invalid bidding strategy": (of(f"{IMAGE}, bidding_strategy: perhaps"), "3:69 COG203 `perhaps` is not a value of `bidding_strategy`"),
    "invalid workspace mode": (of(f"{BID}, workspace: {{mode: rx}}"), "3:94 COG203 `rx` is not a value of `workspace`"),
    "unknown key of the workspace": (of(f"{BID}, workspace: {{mod: rw}}"), "3:88 COG216 `workspace` has no key `mod`"),
    "invalid strategy": (of(f"{BID}, strategy: always"), "3:86 COG203 `always` is not a value of `strategy`"),
    "negative iterations": (GOOD + "orchestrator: {max_review_iterations: -1}\n", "4:39 COG416 "),
    "unknown mode": (of(f"{BID}, mode: boss"), "3:82 COG203 `boss` is not a value of `mode`"),
    "controller without worker": (of(f"{BID}, mode: controller"), "3:3 COG202 agent `Coder` of a sett needs the attribute `worker`"),
    "controller worker without command": (of(f"{BID}, mode: controller, worker: {{image: w}}"), "3:102 COG202 the worker of agent `Coder` needs the attribute `command`"),
    "negative max_concurrent": (of(f"{BID}, mode: controller, worker: {{{WORKER}, max_concurrent: -1}}"), "3:159 COG416 "),
    "worker with invalid workspace mode": (of(f"{BID}, mode: controller, worker: {{{WORKER}, workspace: {{mode: rx}}}}"), "3:161 COG203 `rx` is not a value of `workspace`"),
    "replicas below one": (of(f"{BID}, replicas: -1"), "3:86 COG416 "),
    "memory that is no size": (of(f"{BID}, resources: {{limits: {{memory: much}}}}"), "3:105 COG212 `much` is not a size"),
    "a service that there is not": (GOOD + "services: {reddis: {}}\n", "4:12 COG216 `services` has no key `reddis`; did you mean `redis`?"),
    "a key that there is not": (of(f"{BID}, comand: [a]"), "3:76 COG216 agent `Coder` has no key `comand`; did you mean `command`?"),
    "a tab": ('version: "1.0"\nagents:\n\tW: {image: "x"}\n', "3:1 COG214 this is not valid YAML: found character that cannot start any token while scanning for the next token; indent with spaces"),
    "invalid YAML": ('version: "1.0"\nagents: {W: {image: "x"\n', "3:1 COG214 "),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_first_system_refuses_is_refused_with_its_place(case: str) -> None:
    text, wanted = REFUSED[case]
    found = reports(text)
    assert len(found) == 1 and found[0].startswith(wanted), found
