"""`cogc completion SHELL`: print a script that completes commands.

The script completes the commands, their options and the words of these.

    bash  `eval "$(cogc completion bash)"`, in ~/.bashrc
    zsh   `eval "$(cogc completion zsh)"`, in ~/.zshrc behind compinit
    fish  `cogc completion fish > ~/.config/fish/completions/cogc.fish`

Exit codes: 0 done.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Action, ArgumentParser, Namespace

SHELLS = ("bash", "zsh", "fish")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")


def run(options: Namespace) -> int:
    commands = _commands(options.commands)
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell]
    sys.stdout.write(script(commands))
    return 0


class _Command:
    """A command: its help line, and the options that it takes."""

    def __init__(self, help: str, options: list[Action]) -> None:
        self.help = help
        self.options = [a for a in options if a.option_strings]
        self.words = [_plain(str(c)) for a in options if not a.option_strings for c in a.choices or ()]

    def long(self) -> list[str]:
        return [s for a in self.options for s in a.option_strings if s.startswith("--")]

    def choices(self) -> dict[str, list[str]]:
        """Return the options that take one of several words."""
        return {s: [_plain(str(c)) for c in a.choices] for a in self.options if a.choices for s in a.option_strings}


def _plain(word: str) -> str:
    return "".join(c for c in word if c.isalnum() or c in "-_.")


def _commands(lines: dict[str, str]) -> dict[str, _Command]:
    """Return each command with its options, which its module says, from the help line of each."""
    from importlib import import_module

    from cogc.commands.parser import Parser

    found: dict[str, _Command] = {}
    for name, help in lines.items():
        parser = Parser(prog=name)
        import_module(f"cogc.commands.{name}").arguments(parser)
        places = [action for action in parser._actions if not action.option_strings]
        found[name] = _Command(help, [*places, *parser.options()])  # those of actions too, which stand behind them
    return found


def _bash(commands: dict[str, _Command]) -> str:
    cases = []
    for name, c in commands.items():
        words = " ".join(sorted({*c.long(), *c.words}))
        values = "".join(
            f"      {option}) COMPREPLY=($(compgen -W '{' '.join(words)}' -- \"$now\")); return;;\n"
            for option, words in c.choices().items()
        )
        inner = f'      case "$before" in\n{values}      esac\n' if values else ""
        cases.append(f"    {name})\n{inner}      words='{words}';;\n")
    return f"""# completion of cogc for bash
_cogc() {{
  local now="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{" ".join(commands)} --help --version' -- "$now"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{"".join(cases)}  esac
  COMPREPLY=($(compgen -W "$words" -- "$now"))
  case "$now" in
    -*) ;;
    *) local IFS=$'\\n'; COMPREPLY+=($(compgen -f -- "$now"));;
  esac
}}
complete -o filenames -F _cogc cogc
"""


def _zsh(commands: dict[str, _Command]) -> str:
    rows = "".join(f"    '{name}:{_quoted(c.help)}'\n" for name, c in commands.items())
    cases = []
    for name, c in commands.items():
        specs = []
        for a in c.options:
            for option in a.option_strings:
                help = _quoted(" ".join((a.help or "").split()).replace("%%", "%"))
                value = ""
                if a.choices:
                    value = f":value:({' '.join(_plain(str(w)) for w in a.choices)})"
                elif a.nargs != 0:
                    value = ":value:_files"
                specs.append(f"'{option}[{help}]{value}'")
        first = f"'1:word:({' '.join(c.words)})' " if c.words else ""
        cases.append(f"    {name}) _arguments {' '.join(specs)} {first}'*:file:_files';;\n")
    return f"""#compdef cogc
# completion of cogc for zsh
_cogc() {{
  local -a commands
  commands=(
{rows}  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command="${{words[2]}}"
  shift words
  (( CURRENT-- ))
  case "$command" in
{"".join(cases)}  esac
}}
compdef _cogc cogc
"""


def _quoted(text: str) -> str:
    """Return a text for a description in single quotes of zsh."""
    return "".join(c for c in text if c not in "'\\`$").replace("[", "(").replace("]", ")").replace(":", " -")


def _fish(commands: dict[str, _Command]) -> str:
    lines = ["# completion of cogc for fish", "complete -c cogc -f -n __fish_use_subcommand"]
    for name, c in commands.items():
        lines.append(f"complete -c cogc -n __fish_use_subcommand -a {name} -d '{_quoted(c.help)}'")
        seen = f"-n '__fish_seen_subcommand_from {name}'"
        for a in c.options:
            words = "".join(f" -{'l' if s.startswith('--') else 's'} {s.lstrip('-')}" for s in a.option_strings)
            help = _quoted(" ".join((a.help or "").split()).replace("%%", "%"))
            value = ""
            if a.choices:
                value = f" -x -a '{' '.join(_plain(str(w)) for w in a.choices)}'"
            elif a.nargs != 0:
                value = " -r"
            lines.append(f"complete -c cogc {seen}{words}{value} -d '{help}'")
        if c.words:
            lines.append(f"complete -c cogc {seen} -a '{' '.join(c.words)}'")
    return "\n".join(lines) + "\n"
