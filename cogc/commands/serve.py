"""`cogc serve [NAME=]SPEC...`: run systems as services, over HTTP.

With one SPEC it is the same as `cogc run SPEC --serve 4517`, without the
outputs on stdout. Several are runs of their own behind one server, each under
/NAME: the name of its file, or what is written in front of `=`.

The runs stay until they are stopped: SIGTERM stops them in good order, with
exit code 0. When one of several ends, the others are stopped.

Exit codes: 0 stopped; the others are those of `cogc run`, of several the first
that is not 0.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from cogc.commands import run as run_command
from cogc.commands.serving import PORT
from cogc.commands.usage import UsageError


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "specs", nargs="+", metavar="[NAME=]SPEC", help=f"{run_command.SPEC}; several are served by name"
    )
    run_command.add_options(parser)
    parser.set_defaults(serve=str(PORT), silent=True)
    parser.set_defaults(unset=vars(parser.parse_args(["SPEC"])))


prepare = run_command.prepare


def run(options: Namespace) -> int:
    if len(options.specs) > 1:
        from cogc.commands import serve_several

        return serve_several.run(options)
    (options.spec,) = options.specs
    _, equals, spec = options.spec.partition("=")
    if equals and not os.path.exists(options.spec):
        raise UsageError(f"`{options.spec}`: names are for several specs; serve one as `cogc serve {spec or 'SPEC'}`")
    return run_command.run(options)
