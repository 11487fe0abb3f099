"""The attributes of every block as a table: the keys that a block may have, and the kind of value of each.

The kinds of value:
    type T       an expression without side effects, of type T
    word A B C   one of these words
    ref KIND     the name of a declaration of this kind
    refs KIND    a list of such names, or one name
    map          how messages are shared among replicas: one of SHARING, or `hash(EXPR)`
    type         a type
    name         a word that the user chooses, such as the name of a dispatcher
    roles        a list of words, or a record of words and the declarations that fill them
    secret       a string, or `env("NAME")`
    secrets      a record of secrets
An attribute whose kind ends in `!` is required. `specs/language.md` prints this table; a test holds the two together.
"""

from __future__ import annotations

from cogc.language.texts import MARK

_SHARING = "map"
_ON_RESUME = "word retry fail"
_EFFECTS = "word some none"
_BUDGET = "type { usd?: float, tokens?: int, time?: duration, turns?: int }"

_THINKING = 'type int | "adaptive" | "off"'
_EFFORT = "word low medium high xhigh max"

_LIMITS = "type { memory?: string, processes?: int }"

_MODEL = {
    "max_tokens": "type int",
    "effort": _EFFORT,
    "thinking": _THINKING,
    "temperature": "type float",
    "base_url": "type string",
    "api_key": "secret",
    "capabilities": "type [string]",
    "timeout": "type duration",
}

ATTRIBUTES: dict[str, dict[str, str]] = {
    "listen": {
        "capacity": "type int",
        "overflow": "word block drop_oldest drop_newest fail",
        "headers": "type map[string]",
    },
    "transmit": {"capacity": "type int"},
    "create": {
        "restart": "word never on_error always",
        "max_restarts": "type int",
        "within": "type duration",
        "backoff": "type duration",
        "map": _SHARING,
    },
    "link": {"feedback": "type bool", "map": _SHARING},
    "supervise": {"max_restarts": "type int", "within": "type duration"},
    "template": {},
    "expr": {},
    "python": {"timeout": "type duration", "once": "type any", "on_resume": _ON_RESUME, "effects": _EFFECTS},
    "shell": {
        "timeout": "type duration",
        "once": "type any",
        "on_resume": _ON_RESUME,
        "effects": _EFFECTS,
        "output": "word text json lines outcome",
        "ok": "type [int]",
        "stdin": "type string",
        "cwd": "type string",
        "env": "secrets",
        "reload": "type bool",
    },
    "mcp": {"timeout": "type duration", "once": "type any", "on_resume": _ON_RESUME, "effects": _EFFECTS},
    "human": {"timeout": "type duration", "choices": "type [string]"},
    "llm": {
        "model": "ref model !",
        "system": "type string",
        "prompt": "type content !",
        "max_tokens": "type int",
        "temperature": "type float",
        "effort": _EFFORT,
        "thinking": _THINKING,
        "max_result": "type int",
        "retry": "type int",
        "timeout": "type duration",
        "tools": "refs program agent mcp queue",
        "tool_choice": "word auto any",
        "max_parallel": "type int",
        "budget": _BUDGET,
    },
    "model anthropic": _MODEL,
    "model openai": _MODEL,
    "model scripted": {},
    "mcp stdio": {
        "env": "secrets",
        "cwd": "type string",
        "timeout": "type duration",
        "sandbox": "word none ro rw",
        "network": "type bool",
        "limits": _LIMITS,
    },
    "mcp http": {"headers": "secrets", "timeout": "type duration"},
    "agent": {
        "description": "type string",
        "model": "ref model !",
        "system": "type string",
        "tools": "refs program agent mcp plan queue",
        "tool_choice": "word auto any",
        "max_parallel": "type int",
        "output": "type",
        "max_turns": "type int",
        "max_depth": "type int",
        "max_tokens": "type int",
        "max_result": "type int",
        "temperature": "type float",
        "effort": _EFFORT,
        "thinking": _THINKING,
        "budget": _BUDGET,
        "timeout": "type duration",
        "spawn": "refs agent",
        "hand_off": "refs agent",
        "on_tool": "ref program",
        "metadata": "type any",
        "session": "type any",
        "sandbox": "word none ro rw",
        "network": "type bool",
        "limits": _LIMITS,
    },
    "spawn": {
        "max_concurrent": "type int",
        "dispatch": "name",
        "models": "refs model",
        "tools": "refs program agent mcp queue",
        "system": "type bool",
    },
    "team": {
        "lead": "ref agent !",
        "workers": "refs agent !",
        "mode": "word delegate supervise",
        "max_workers": "type int",
        "shared": "ref type",
        "initial": "type any",
        "accept": "word any lead",
        "budget": _BUDGET,
    },
    "dod": {
        "max_loops": "type int",
        "fix": "ref agent",
        "judge": "ref model",
        "base": "type string",
        "stop_on_failure": "type bool",
        "cwd": "type string",
    },
    "shell criterion": {
        "timeout": "type duration",
        "ok": "type [int]",
        "stdin": "type string",
        "cwd": "type string",
        "env": "secrets",
    },
    "python criterion": {"timeout": "type duration"},
    "plan": {
        "goal": "type string",
        "approve": "word user system agent",
        "roles": "roles",
        "planner": "ref agent",
        "approver": "ref agent",
        "agents": "refs agent team",
        "max_steps": "type int",
        "max_replans": "type int",
        "dod": "ref dod",
        "budget": _BUDGET,
    },
    "step": {"dod": "ref dod", "retry": "type int", "timeout": "type duration"},
    "sett": {"max_review_iterations": "type int"},
    "sett agent": {
        "bid": "word review claim exclusive ignore",
        "bid_script": "type [string]",
        "bidding_strategy": "word review claim exclusive ignore",
        "command": "type [string]",
        "run": "ref agent",
        "workspace": "word ro rw",
        "environment": "secrets",
        "timeout": "type duration",
        "prompts": "type { claim?: string, execution?: string }",
        "image": "type string",
        "replicas": "type int",
        "network": "type bool",
        "produces": "type [string]",
        "build": "type { context?: string, dockerfile?: string }",
        "strategy": "word reuse fresh_per_call",
        "mode": "word controller",
        "worker": "type { image?: string, command?: [string], max_concurrent?: int, workspace?: any }",
        "resources": "type { limits?: { cpus?: string | float, memory?: string, pids?: int }, reservations?: { cpus?: string | float, memory?: string } }",
        "health_check": "type { command: [string], interval?: duration | string, timeout?: duration | string }",
    },
    "queue": {"lease": "type duration", "attempts": "type int"},
    "explore": {"runs": "type int", "faults": "type int"},
    "live": {"pass_rate": "type float"},
}

EXECUTORS = ("expr", "template", "python", "shell", "mcp", "human", "llm")
INWARD = {f"{MARK}agent": "agent", f"{MARK}ask": "ask", f"{MARK}reply": "reply", f"{MARK}store": "plan store"}
"""Executors of the programs that declarations are desugared to, by the names that the forms have for them, and their kinds in the IR; a spec
cannot name them."""
MODEL_FAULTS = ("off_schema", "empty", "truncated", "repeated", "contradicting", "slow", "refusing")
"""The faults of a model that answers, by what is wrong with the answer."""
SANDBOXES = ("auto", "container", "bubblewrap", "landlock", "none")
"""The sandboxes that may hold the commands of agents."""
PROVIDERS = ("anthropic", "openai", "scripted")
CAPABILITIES = ("count_tokens", "cache", "structured_output", "effort", "thinking", "sampling", "images", "documents")
USUAL = {
    "anthropic": ("count_tokens", "cache", "structured_output", "effort", "thinking", "images", "documents"),
    "openai": ("structured_output", "effort", "sampling", "images", "documents"),
    "scripted": ("structured_output", "effort", "thinking", "sampling", "images", "documents"),
}
"""The capabilities of a provider's models, unless the spec names others."""
USUAL_MODEL = "claude-sonnet-4-20250514"
"""The model of a coglet folder's program of the executor `llm` that names none."""
TRANSPORTS = ("stdio", "http")
DISPATCHERS = ("local", "process")
BACKENDS = ("memory", "sqlite", "redis", "store")
STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
SHARING = ("broadcast", "round_robin", "scatter", "idle", "hash")
SPAWN_TOOLS = ("spawn_agent", "agent_status", "wait_agent", "cancel_agent", "message_agent", "list_agents")
HAND_OFF = "hand_off"
"""The tool by which an agent gives its conversation to another one, and the attribute that names those agents."""
QUEUE_TOOLS = {
    "put": "Add an item.",
    "claim": "Claim the oldest item: {value, id, token}, or null where there is none.",
    "done": "A claimed item was handled.",
    "back": "A claimed item was not handled, and is there for others again.",
}
"""The tools by which a model uses a queue, which stand behind the name of the queue and a `_`, with their descriptions."""
READ_RESULT = "read_result"
"""The tool by which a model reads on in a result that was cut."""
LEVELS = ("debug", "info", "warn", "error")
