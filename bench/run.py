"""`make bench`: every figure as a ratio to a peer or a limit, measured in turns in one run. Not a test.

`python bench/run.py messages|running|stopping|checking|editing|models|sandboxes|exploring|testing|serving|closing|durable|tracing|travelling|viewing|watching` runs one part.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import (
    checking,
    closing,
    durable,
    editing,
    exploring,
    messages,
    models,
    running,
    sandboxes,
    serving,
    stopping,
    testing,
    tracing,
    travelling,
    viewing,
    watching,
)

PARTS = {
    "messages": messages.main,
    "running": running.main,
    "stopping": stopping.main,
    "checking": checking.main,
    "editing": editing.main,
    "models": models.main,
    "sandboxes": sandboxes.main,
    "exploring": exploring.main,
    "testing": testing.main,
    "serving": serving.main,
    "closing": closing.main,
    "durable": durable.main,
    "tracing": tracing.main,
    "travelling": travelling.main,
    "viewing": viewing.main,
    "watching": watching.main,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        print(f"-- {name}")
        PARTS[name]()
