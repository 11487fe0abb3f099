"""The options `--otlp`, `--otlp-contents` and `--otlp-models`, and the exporter that a command makes of them.

Whatever runs coglets takes them: `cogc run`, `serve`, `resume` and `fork`, `cogc runtime start`, `cogc sett up` with its machines.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from cogc import ir
from cogc.commands.usage import UsageError
from cogc.run.contexts import Contexts, of_environment
from cogc.run.session import Session

if TYPE_CHECKING:
    from cogc.sett.agent_runs import Observe, Observed
    from cogc.traces.exporter import Exporter


def add_options(add: Callable[..., object], when: str = "") -> None:
    """Add the options. `when` begins their help, where a command takes them for one of its actions."""
    add(
        "--otlp",
        metavar="URL",
        help=f"{when}send spans and metrics to the collector of OpenTelemetry at URL while the run goes on, over OTLP/HTTP (extra: otel)",
    )
    add("--otlp-contents", action="store_true", help=f"{when}with --otlp: send what people, models and tools say too")
    add(
        "--otlp-models", action="store_true", help=f"{when}with --otlp: send `traceparent` with each request to a model"
    )


def passed(options: Namespace) -> list[str]:
    """Return the options as words of a command line."""
    words = ["--otlp", options.otlp] if options.otlp else []
    words += ["--otlp-contents"] if options.otlp_contents else []
    return [*words, *(["--otlp-models"] if options.otlp_models else [])]


def refuse_alone(options: Namespace) -> None:
    """Raise UsageError for options that need a collector where none is named, and for an address of one that is none."""
    for name in ("contents", "models"):
        if getattr(options, f"otlp_{name}", False) and not getattr(options, "otlp", None):
            raise UsageError(f"--otlp-{name} is for runs with --otlp, which names the collector")
    if getattr(options, "otlp", None):
        from cogc.traces.exporter import addresses

        try:
            addresses(options.otlp)
        except ValueError as error:
            raise UsageError(f"--otlp {error}") from None


def exporter(options: Namespace, run: str, epoch: int, bundle: ir.Bundle | None, part: str = "") -> Exporter | None:
    """Return what sends the spans of a run that begins at `epoch`, in nanoseconds since 1970; None without `--otlp`.

    The span above the run is the one that the environment names. `part` names one process of a run of several, which sends no span of the
    whole run. Raise UsageError without the extra.
    """
    if not getattr(options, "otlp", None):
        return None
    from cogc.traces.exporter import Exporter
    from cogc.traces.metrics import Metrics
    from cogc.traces.spans import Spans

    spans = Spans(run, epoch, bundle, options.otlp_contents, of_environment(os.environ), bool(part))
    try:
        return Exporter(options.otlp, spans, Metrics(bundle), f"{run}/{part}" if part else run)
    except ImportError as missing:
        raise UsageError(f"--otlp needs the extra `otel`: pip install 'cogc[otel]' ({missing})") from None


def attach(made: Exporter | None, session: Session, options: Namespace) -> None:
    """Let the doors and calls of a session have contexts of the exporter, and its metrics the messages that wait."""
    if made is not None:
        from cogc.service.metrics import fills

        contexts = session.executors.settings.contexts
        contexts.exporter, contexts.to_providers = made, options.otlp_models
        made.fills = partial(fills, session)


def observed(made: Exporter | None, bundle: ir.Bundle, options: Namespace) -> Observe | None:
    """Return what gives each session of a sett's agents a part of the exporter, in the span of its grant."""
    if made is None:
        return None
    from cogc.traces.spans import Spans

    numbers = count(1)

    def begin(grant: str, epoch: int, contexts: Contexts) -> Observed:
        run = f"{made.process}/{next(numbers)}-{epoch}"
        part = made.part(Spans(run, epoch, bundle, made.spans.contents, None, True, made.spans.granted(grant)))
        contexts.exporter, contexts.to_providers = part, options.otlp_models
        return part

    return begin


def close(made: Exporter | None, say: Callable[[str], object] | None = None) -> None:
    """Send the remaining spans, and report lost ones: by `say`, or else on stderr."""
    lost = "" if made is None else made.close()
    if lost:
        (say or sys.stderr.write)(f"cogc: {lost}\n")
