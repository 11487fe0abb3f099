"""Git over a repository that somebody else may have written: an agent in a sandbox, or whoever made the workspace.

Git does what the configuration of a repository says: it starts file monitors, hooks, filters, drivers of diffs, helpers of
remotes. `sealed` lets git see a repository's objects, refs, index and files, and nothing of its configuration. All git of
cogc's own goes through it: the commits of setts, the history for `tdd`, judges, GitLet, the workflows of the standard library.

How it works. The common folder of the repository is one of ours (`GIT_COMMON_DIR`), made for one command: its config is
written here, its hooks and attributes are empty, and objects and refs are links into the repository. HEAD and the index
are the repository's own. `PATH` and `GIT_EXEC_PATH` are an empty folder, so that git finds no program to start, not even
itself for a submodule. The environment has no variable of git's that the user has set, but for the names of author and committer.

What is refused. Git writes through symbolic links, and reads what alternates name. So a repository in the workspace is
refused if links, alternates or a `.git` file in it lead elsewhere. A worktree whose repository names it in turn is taken.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from cogc.ir import Program
from cogc.language.texts import MARK
from cogc.language.values import Failure

TRUSTING = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
"""The environment of git in a sandbox, where it may obey the repository, whoever it belongs to: nothing gets out."""
_HERE = ["--git-dir=.git", "--work-tree=."]
"""The words that allow no repository above the folder."""
_SHARED = ("objects", "refs", "packed-refs", "shallow", "logs", "reftable")
_UNUSED = {"objects", "modules", "worktrees", "hooks", "lfs"}
"""Folders of a repository whose entries git, when it is sealed, does not write to through a link."""
_CARRIED = r"(?im)^\s*(filemode|ignorecase|symlinks|autocrlf|eol|precomposeunicode)\s*=\s*([a-z]+)\s*$"
_FORMAT = r"(?im)^\s*(objectformat|refstorage)\s*=\s*([a-z0-9]+)\s*$"
_SIGNING = ("commit", "revert")
_PEOPLE = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
_CONFIG = """[core]
  repositoryformatversion = {version}
  bare = false
  fsmonitor = false
  hooksPath = /dev/null
  attributesFile = /dev/null
  excludesFile = /dev/null
  pager = cat
  editor = :
  askPass =
  sshCommand = false
  alternateRefsCommand =
{core}[extensions]
{extensions}[protocol]
  allow = never
[diff]
  external =
  ignoreSubmodules = all
[submodule]
  recurse = false
[credential]
  helper =
[gc]
  auto = 0
[maintenance]
  auto = false
[commit]
  gpgSign = false
[user]
{user}"""


def in_folder(words: Iterable[str]) -> list[str]:
    """Return the words of git for the repository whose top the folder itself is."""
    return ["git", *_HERE, *words]


def commit_words(commit: str) -> list[str]:
    """Return the words of git that look whether a commit is there."""
    return ["git", "cat-file", "-e", f"{commit}^{{commit}}"]


def is_ours(program: Program, words: list[str]) -> bool:
    """Return whether a command is git, started by the standard library or a definition of done and not by the user."""
    return words[:1] == ["git"] and _is_ours(program)


def _is_ours(program: Program) -> bool:
    return program.folder == "std" or program.name.startswith(MARK)


@contextmanager
def sealed(words: list[str], folder: str, workspace: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yield the command and the environment by which git does what `words` say, in a folder.

    Raise FileNotFoundError if git is not installed, Failure for a repository that
    is refused.
    """
    found = shutil.which("git")
    if found is None:
        raise FileNotFoundError(2, "no such file or directory", "git")
    here = words[1:3] == _HERE
    top, git_dir = _repository(os.path.realpath(folder), os.path.realpath(workspace), here)
    with tempfile.TemporaryDirectory(prefix="cogc-git-") as place:
        empty = os.path.join(place, "empty")
        os.mkdir(empty)
        common = _common(place, git_dir, _author(found, git_dir) if set(words) & set(_SIGNING) else "")
        env = {
            "PATH": empty, "GIT_EXEC_PATH": empty, "HOME": empty, "LANG": "C.UTF-8",
            "GIT_DIR": git_dir, "GIT_COMMON_DIR": common, "GIT_WORK_TREE": top,
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "none", "GIT_PAGER": "cat", "GIT_EDITOR": ":", "GIT_NO_REPLACE_OBJECTS": "1",
            **{name: os.environ[name] for name in (*_PEOPLE, "TZ") if name in os.environ},
        }  # fmt: skip
        yield [found, *_without_submodules(words[3:] if here else words[1:])], env


def changes(workspace: str) -> list[str]:
    """Return what is not committed in a workspace, a line a file; nothing for one that is no repository, or one that is not looked into."""
    try:
        with sealed(["git", "status", "--porcelain"], workspace, workspace) as (words, env):
            done = subprocess.run(words, cwd=workspace, env=env, capture_output=True, text=True, timeout=60)
    except (Failure, OSError, subprocess.TimeoutExpired):
        return []
    return [line for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def _without_submodules(words: list[str]) -> list[str]:
    """Return words by which git does not look into submodules, whatever `.gitmodules` says of them."""
    for index, word in enumerate(words):
        if word in ("status", "diff"):
            return [*words[: index + 1], "--ignore-submodules=all", *words[index + 1 :]]
        if not word.startswith("-") and (not index or words[index - 1] != "-c"):
            break
    return words


# ---- the repository ------------------------------------------------------------------------------------------------


def _repository(folder: str, workspace: str, here: bool) -> tuple[str, str]:
    """Return the top of a folder's repository, and its git folder; one that is not there where there is none."""
    top = folder
    while not here and not os.path.lexists(os.path.join(top, ".git")):
        if top == os.path.dirname(top):
            return folder, os.path.join(folder, ".git")
        top = os.path.dirname(top)
    place = os.path.join(top, ".git")
    if os.path.isfile(place):
        place = _pointed_at(place)
    git_dir = os.path.realpath(place)
    if not _within(top, workspace):
        return top, git_dir  # above the workspace: no agent can have written it
    if _within(git_dir, workspace):
        _refuse_links(git_dir)
    elif not _names(git_dir, top):
        raise Failure("program", f"the repository `{top}` is not used: its `.git` leads out of the workspace")
    return top, git_dir


def _pointed_at(file: str) -> str:
    """Return the folder that a `.git` file points at."""
    with open(file, encoding="utf-8", errors="surrogateescape") as opened:
        said = opened.read(4096)
    return os.path.join(os.path.dirname(file), said.removeprefix("gitdir:").strip())


def _names(git_dir: str, top: str) -> bool:
    """Return whether a git folder outside of the workspace is that of a worktree, and names this one."""
    try:
        with open(os.path.join(git_dir, "gitdir"), encoding="utf-8", errors="surrogateescape") as opened:
            named = opened.read(4096).strip()
    except OSError:
        return False
    return os.path.realpath(os.path.join(git_dir, named)) == os.path.realpath(os.path.join(top, ".git"))


def _refuse_links(git_dir: str) -> None:
    """Refuse a repository whose parts are links: git would write to what they lead to."""
    parts = [git_dir, os.path.join(git_dir, "objects"), os.path.join(git_dir, "objects", "info")]
    for part in parts:
        _refuse_link(part, *_entries(part))
    pending = [os.path.join(git_dir, e.name) for e in _entries(git_dir) if e.is_dir() and e.name not in _UNUSED]
    while pending:
        part = pending.pop()
        found = _entries(part)
        _refuse_link(part, *found)
        pending += [e.path for e in found if e.is_dir()]
    for name in ("alternates", "http-alternates"):
        if os.path.lexists(os.path.join(parts[2], name)):
            raise Failure("program", f"the repository `{git_dir}` is not used: it has alternates, which lie elsewhere")
    if os.path.lexists(os.path.join(git_dir, "commondir")) and not _names_itself(git_dir):
        raise Failure("program", f"the repository `{git_dir}` is not used: its common folder lies elsewhere")


def _names_itself(git_dir: str) -> bool:
    """Return whether the common folder of a worktree is the repository that the worktree's folder lies in."""
    with open(os.path.join(git_dir, "commondir"), encoding="utf-8", errors="surrogateescape") as opened:
        named = os.path.realpath(os.path.join(git_dir, opened.read(4096).strip()))
    return os.path.dirname(os.path.dirname(git_dir)) == named


def _refuse_link(place: str, *entries: os.DirEntry[str]) -> None:
    for entry in entries:
        if entry.is_symlink():
            raise Failure("program", f"the repository `{place}` is not used: `{entry.name}` in it is a link")


def _entries(place: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as found:
            return list(found)
    except OSError:
        return []


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


# ---- the common folder ---------------------------------------------------------------------------------------------


def _common(place: str, git_dir: str, user: str) -> str:
    """Make a common folder for one command: links to what the repository has, and a config of ours."""
    common = os.path.join(place, "common")
    os.makedirs(os.path.join(common, "info"))
    source = _common_of(git_dir)
    for name in _SHARED:
        if os.path.exists(os.path.join(source, name)):
            os.symlink(os.path.join(source, name), os.path.join(common, name))
    if os.path.isfile(os.path.join(source, "info", "exclude")):
        os.symlink(os.path.join(source, "info", "exclude"), os.path.join(common, "info", "exclude"))
    said = _text(os.path.join(source, "config"))
    formats = {key.lower(): value for key, value in re.findall(_FORMAT, said)}
    core = "".join(f"  {key} = {value}\n" for key, value in re.findall(_CARRIED, said))
    extensions = "".join(f"  {key} = {value}\n" for key, value in formats.items())
    with open(os.path.join(common, "config"), "w", encoding="utf-8", errors="surrogateescape") as config:
        config.write(_CONFIG.format(version=1 if formats else 0, core=core, extensions=extensions, user=user))
    return common


def _common_of(git_dir: str) -> str:
    """Return the common folder of a repository's git folder: that of a worktree is elsewhere."""
    named = _text(os.path.join(git_dir, "commondir")).strip()
    return os.path.realpath(os.path.join(git_dir, named)) if named else git_dir


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as opened:
            return opened.read(1 << 16)
    except OSError:
        return ""


def _author(git: str, git_dir: str) -> str:
    """Return who commits, as a part of a config: what the repository says, or else the user's own config."""
    found: dict[str, str] = {}
    for key in ("name", "email"):
        for where in (["--file", os.path.join(_common_of(git_dir), "config"), "--no-includes"], ["--global"]):
            said = subprocess.run(
                [git, "config", *where, "--get", f"user.{key}"],
                cwd="/", capture_output=True, env={"HOME": os.path.expanduser("~"), "GIT_CONFIG_NOSYSTEM": "1"}, timeout=10,
            )  # fmt: skip
            if said.returncode == 0:
                found.setdefault(key, said.stdout.decode("utf-8", "surrogateescape").strip())
    quoted = {key: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for key, value in found.items()}
    return "".join(f'  {key} = "{value}"\n' for key, value in quoted.items())
