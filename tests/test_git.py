"""Git of cogc's own over a repository that somebody else wrote: none of the tricks by which a repository starts programs works."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cogc.language.values import Failure
from cogc.run.git import commit_words, in_folder, is_ours, sealed
from support.paths import ROOT
from support.specs import build

AUTHOR = {f"GIT_{who}_{what}": f"{what}@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
COMMANDS = [
    ["git", "status", "--porcelain", "--untracked-files=all"],
    ["git", "-c", "core.quotePath=false", "log", "--reverse", "-n", "5", "--name-status", "HEAD"],
    ["git", "diff", "--no-ext-diff", "HEAD"],
    ["git", "ls-files", "--others", "--exclude-standard"],
    ["git", "grep", "--untracked", "-n", "x"],
    commit_words("deadbeef" * 5),
    ["git", "add", "--all"],
    ["git", "commit", "--message", "kept"],
    in_folder(["checkout", "-b", "other", "--"]),
    in_folder(["revert", "--no-edit", "HEAD~1..HEAD"]),
    in_folder(["checkout", "main", "--"]),
]
"""What cogc asks of git, in an order in which all of it has something to do."""


class Repository:
    """A repository in which something is planted: `evil` is a program that writes the canary."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ws"
        self.canary = folder / "canary"
        self.evil = folder / "evil.sh"
        self.evil.write_text(f"#!/bin/sh\ntouch {self.canary}\n")
        self.evil.chmod(0o755)
        self.folder.mkdir()
        self.git("init", "-q", "-b", "main")
        for number in (1, 2):
            (self.folder / "f").write_text(f"x{number}\n")
            self.git("add", "-A")
            self.git("commit", "-qm", f"{number}")
        (self.folder / "f").write_text("changed\n")

    def git(self, *words: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=cwd or self.folder, env={**os.environ, **AUTHOR}, capture_output=True, text=True
        )
        return done.stdout

    def config(self, *pairs: tuple[str, str]) -> None:
        for key, value in pairs:
            self.git("config", key, value)

    def write(self, path: str, text: str) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def script(self, path: str) -> None:
        """Plant the program as a file of the repository."""
        self.write(path, self.evil.read_text())
        (self.folder / path).chmod(0o755)


def fsmonitor(repo: Repository) -> None:
    repo.config(("core.fsmonitor", str(repo.evil)))


def hooks(repo: Repository) -> None:
    for name in ("pre-commit", "prepare-commit-msg", "post-checkout", "post-index-change", "reference-transaction"):
        repo.script(f".git/hooks/{name}")


def hooks_path(repo: Repository) -> None:
    repo.script("hooks/post-index-change")
    repo.config(("core.hooksPath", str(repo.folder / "hooks")))


def clean_filter(repo: Repository) -> None:
    repo.write(".gitattributes", "* filter=evil\n")
    repo.config(("filter.evil.clean", str(repo.evil)), ("filter.evil.smudge", str(repo.evil)))


def process_filter(repo: Repository) -> None:
    repo.write(".git/info/attributes", "* filter=evil\n")
    repo.config(("filter.evil.process", str(repo.evil)))


def textconv(repo: Repository) -> None:
    repo.write(".gitattributes", "* diff=evil\n")
    repo.config(("diff.evil.textconv", str(repo.evil)))


def merge_driver(repo: Repository) -> None:
    repo.write(".git/info/attributes", "* merge=evil\n")
    repo.config(("merge.evil.driver", f"{repo.evil} %A"), ("merge.default", "evil"))


def promisor(repo: Repository) -> None:
    repo.config(
        ("core.repositoryformatversion", "1"), ("extensions.partialClone", "evil"), ("remote.evil.promisor", "true"),
        ("remote.evil.url", f"ext::{repo.evil}"), ("protocol.ext.allow", "always"),
    )  # fmt: skip


def ssh(repo: Repository) -> None:
    promisor(repo)
    repo.config(("remote.evil.url", "ssh://evil.invalid/x"), ("core.sshCommand", str(repo.evil)))


def signing(repo: Repository) -> None:
    repo.config(("commit.gpgSign", "true"), ("gpg.program", str(repo.evil)), ("user.signingKey", "x"))


def included(repo: Repository) -> None:
    repo.write("more", f"[core]\n fsmonitor = {repo.evil}\n")
    repo.config(("include.path", str(repo.folder / "more")))


def included_if(repo: Repository) -> None:
    repo.write("more", f"[core]\n fsmonitor = {repo.evil}\n")
    repo.config((f"includeIf.gitdir:{repo.folder}/.git.path", str(repo.folder / "more")))


def of_the_worktree(repo: Repository) -> None:
    repo.config(("core.repositoryformatversion", "1"), ("extensions.worktreeConfig", "true"))
    repo.write(".git/config.worktree", f"[core]\n fsmonitor = {repo.evil}\n")


def in_a_submodule(repo: Repository) -> None:
    inner = repo.folder / "sub"
    inner.mkdir()
    repo.git("init", "-q", cwd=inner)
    (inner / "f").write_text("x")
    repo.git("add", "-A", cwd=inner)
    repo.git("commit", "-qm", "x", cwd=inner)
    repo.write(".gitmodules", '[submodule "sub"]\n path = sub\n url = ./sub\n ignore = none\n')
    repo.git("add", "sub", ".gitmodules")
    repo.git("commit", "-qm", "sub")
    (inner / "f").write_text("y")
    repo.git("config", "core.fsmonitor", str(repo.evil), cwd=inner)


def of_the_user(repo: Repository) -> None:
    repo.write("home/.gitconfig", f"[core]\n fsmonitor = {repo.evil}\n")
    os.environ["HOME"] = str(repo.folder / "home")


def of_the_environment(repo: Repository) -> None:
    os.environ.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="core.fsmonitor", GIT_CONFIG_VALUE_0=str(repo.evil))


TRICKS: list[Callable[[Repository], None]] = [
    fsmonitor, hooks, hooks_path, clean_filter, process_filter, textconv, promisor, ssh, signing, included,
    included_if, of_the_worktree, in_a_submodule, of_the_user, of_the_environment,
]  # fmt: skip


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(os, "environ", dict(os.environ, **AUTHOR))
    return Repository(tmp_path)


def ask(repo: Repository, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Ask sealed git for something."""
    with sealed(words, str(repo.folder), str(repo.folder)) as (command, env):
        return subprocess.run(command, cwd=repo.folder, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("trick", TRICKS)
def test_a_planted_program_is_not_started(repo: Repository, trick: Callable[[Repository], None]) -> None:
    trick(repo)
    for words in COMMANDS:
        ask(repo, words)
        assert not repo.canary.exists(), words
    (repo.folder / "f").write_text("changed again\n")
    for words in COMMANDS:
        subprocess.run(words, cwd=repo.folder, env=dict(os.environ), capture_output=True, stdin=subprocess.DEVNULL)
    assert repo.canary.exists(), "git itself does not fall for it, so that this proves nothing"


def test_a_planted_driver_does_not_merge(repo: Repository) -> None:
    merge_driver(repo)
    repo.git("commit", "-qam", "changed")
    assert ask(repo, in_folder(["revert", "--no-edit", "HEAD~1"])).returncode == 1 and not repo.canary.exists()
    repo.git("reset", "-q", "--hard")
    repo.git("revert", "--no-edit", "HEAD~1")
    assert repo.canary.exists()


def test_sealed_git_does_what_git_does(repo: Repository) -> None:
    (repo.folder / "new").write_text("x")
    (repo.folder / "ignored").write_text("x")
    repo.write(".git/info/exclude", "ignored\n")
    plain = {"status": " M f\n?? new\n", "ls-files": "new\n"}
    assert ask(repo, COMMANDS[0]).stdout == plain["status"] and ask(repo, COMMANDS[3]).stdout == plain["ls-files"]
    assert "+changed" in ask(repo, COMMANDS[2]).stdout and "M\tf" in ask(repo, COMMANDS[1]).stdout
    for words in COMMANDS[6:]:
        assert ask(repo, words).returncode == 0, words
    log = repo.git("log", "other", "--format=%s %an", "-n", "2").splitlines()
    assert log == ['Revert "kept" NAME@x', "kept NAME@x"]
    assert repo.git("rev-parse", "--abbrev-ref", "HEAD") == "main\n" and repo.git("status", "--porcelain") == ""
    assert ask(repo, commit_words(repo.git("rev-parse", "main").strip())).returncode == 0
    assert ask(repo, commit_words("deadbeef" * 5)).returncode != 0


def test_who_commits_is_who_the_user_is(repo: Repository) -> None:
    for name in AUTHOR:
        del os.environ[name]
    os.environ["HOME"] = str(repo.folder)
    repo.write(".gitconfig", '[user]\n name = "Ada \\"A\\" Byron"\n email = ada@x\n')
    assert ask(repo, ["git", "commit", "--all", "--message", "m"]).returncode == 0
    assert repo.git("log", "-n", "1", "--format=%an %ae") == 'Ada "A" Byron ada@x\n'


def test_a_worktree_works_and_one_that_is_none_is_refused(repo: Repository, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    repo.git("worktree", "add", "-q", str(tree), "-b", "side")
    with sealed(["git", "log", "--format=%s"], str(tree), str(tree)) as (command, env):
        assert subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True).stdout == "2\n1\n"
    forged = tmp_path / "forged"
    forged.mkdir()
    (forged / ".git").write_text(f"gitdir: {repo.folder}/.git\n")
    with pytest.raises(Failure, match="leads out of the workspace"), sealed(["git"], str(forged), str(forged)):
        pass


@pytest.mark.parametrize("part", ["index", "HEAD", "COMMIT_EDITMSG", "logs/HEAD", "refs/heads", "objects/info", "logs"])
def test_a_repository_whose_parts_are_links_is_refused(repo: Repository, tmp_path: Path, part: str) -> None:
    place = repo.folder / ".git" / part
    place.rename(tmp_path / "elsewhere") if place.exists() else (tmp_path / "elsewhere").touch()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failure, match="is a link"):
        ask(repo, COMMANDS[0])


def test_a_repository_with_alternates_is_refused(repo: Repository) -> None:
    repo.write(".git/objects/info/alternates", "/elsewhere/.git/objects\n")
    with pytest.raises(Failure, match="alternates"):
        ask(repo, COMMANDS[0])


def test_a_folder_without_a_repository_has_none(tmp_path: Path) -> None:
    with sealed(["git", "status"], str(tmp_path), str(tmp_path)) as (command, env):
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 128 and "not a git repository" in done.stderr


# ---- there is no other git -----------------------------------------------------------------------------------------


def test_no_other_module_starts_git() -> None:
    for path in (ROOT / "cogc").rglob("*.py"):
        if path.name == "git.py" or path.parent.name == "forms" or '"git"' not in path.read_text():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.List | ast.Tuple) and node.elts and isinstance(node.elts[0], ast.Constant):
                assert node.elts[0].value != "git", path


def test_git_of_the_standard_library_and_of_criteria_is_ours_and_that_of_a_user_is_not() -> None:
    text = """import "std/workflows.cog" as std
        import "std/mixins.cog" as mixins
        model m = scripted "m.yml"
        agent A { model: m }
        dod Ready { tdd: on, solid: judge m "?", mine: shell ["git", "status"] }
        plan P = std.code { roles: { architect: A, developer: A, tester: A, reviewer: A, done: Ready } }
        coglet G with GitLet(repo: "x") { }
        """
    found = {
        p.name: is_ours(p, ["git"])
        for root in ("P", "G")
        for p in build(text, root).programs.values()
        if p.kind == "shell" and "'git'" in repr(p.words[0])
    }
    assert {name for name, ours in found.items() if not ours} == {"mine"}
    assert found.keys() >= {"add_all", "commit_staged", "·commits", "·uncommitted", "·files", "·imports", "mine", "git"}
