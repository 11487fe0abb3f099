"""`cogc init DIR`: start a project: a small spec that checks clean and runs.

The project needs no network: its model is scripted. With --service it has what
a service needs too; specs/service.md says how it is run.

Exit codes: 0 done; 2 a file exists already, or cannot be written.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_MAIN = '''"""A greeter: names come in, greetings go out, and somebody keeps count."""

model poet = scripted "answers.yml"

coglet Greeter {
  listen name: string
  transmit greeting: string

  program greet(name: string) -> string = llm {
    model: poet
    system: "You greet people in one line."
    prompt: "Greet {{ name }}."
  }

  on name as n { greeting <- greet(n) }
}

coglet Main {
  listen name: string
  transmit greeting: string
  state greeted: int = 0

  create greeter = Greeter { restart: on_error }

  link self.name -> greeter.name
  link greeter.greeting -> self.greeting

  on greeter.greeting {
    greeted = greeted + 1
    log info "{{ greeted }} greeted so far"
  }
}
'''
_ANSWERS = """# What the scripted model answers: rules first, in order; put a real model into main.cog when you have a key.
- when: Ada
  reply: Good morning, Ada! The engine is warm.
- when: Greet
  reply: Hello there!
"""
_TEST = '''"""The tests of the project: `cogc test .` runs them."""
import "main.cog"

test "everybody is greeted" {
  use Main
  script poet { delay 1s, reply "Good day!" }
  send self.name <- "Ada"
  send self.name <- "Bob" at 10s
  run 20s
  expect greeting == ["Good day!", "Good day!"] and greeted == 2
  expect poet.calls[1].prompt == "Greet Bob."
}

test "a greeter that fails is restarted" {
  use Main
  script poet { fail "no ink", reply "Good day!" }
  send self.name <- "Ada"
  send self.name <- "Bob" at 10s
  run 1m
  expect greeting == ["Good day!"]
}
'''
_README = """# A cogc project

    cogc check .
    cogc test .
    cogc run main.cog --input name=Ada
    cogc graph main.cog
"""
FILES = {"main.cog": _MAIN, "main_test.cog": _TEST, "answers.yml": _ANSWERS, "README.md": _README}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", help="folder of the project; if it exists, its files are kept")
    parser.add_argument(
        "--service",
        action="store_true",
        help="write what a service needs too: a unit of systemd, a Containerfile, a file with a token, a health check;"
        " a project that exists gets these alone",
    )


def run(options: Namespace) -> int:
    made: list[str] = []
    try:
        os.makedirs(options.dir, exist_ok=True)
        files = _files(options)
        taken = [f for f in files if os.path.exists(os.path.join(options.dir, f))]
        if taken:
            sys.stderr.write(f"cogc: `{os.path.join(options.dir, taken[0])}` exists already; nothing was written\n")
            return 2
        for name, content in files.items():
            mode = 0o600 if name.endswith(".env") else 0o666
            path = os.path.join(options.dir, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
                made.append(path)
                file.write(content)
    except OSError as error:
        for path in made:  # half of a project would be in the way of the next `cogc init`
            os.unlink(path)
        sys.stderr.write(f"cogc: cannot write into `{options.dir}`: {str(error.strerror).lower()}\n")
        return 2
    then = "cogc serve main.cog" if options.service else "cogc run main.cog --input name=Ada"
    print(f"made {options.dir}; next:\n  cd {options.dir}\n  {then}")
    return 0


def _files(options: Namespace) -> dict[str, str]:
    """Return the files to write, by their names."""
    if not options.service:
        return FILES
    from cogc.commands.init_service import files

    place = os.path.abspath(options.dir)
    own = {} if os.path.exists(os.path.join(place, "main.cog")) else FILES
    return {**own, **files(place, os.path.basename(place))}
