"""Setts as users of the first system write them: a `holt.yml`, agents in scripts of shell with `jq` and `git`, images.

Each demo stands for one of those that come with the first system, in the same ways of working: `/app/run.sh` and `/app/bid.sh`, git in
`/workspace`, values taken out of stdin by `jq` or by `grep -o`, tools on the PATH, JSON in a here-document.

An original is the same with the files of a checkout of the first system.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

BIDS = """#!/bin/sh
set -e
case "$(cat | jq -r .type)" in
{cases}
  *) echo ignore ;;
esac
"""
HEAD = '#!/bin/sh\nset -e\ninput=$(cat)\ncd /workspace\ngit config user.email "agent@example.org"\ngit config user.name "Agent"\n'
REVIEW = """#!/bin/sh
set -e
input=$(cat)
commit=$(echo "$input" | jq -r .target_artefact.payload)
if {tool}; then
  jq -n '{{artefact_type: "Review", artefact_payload: "{{}}", summary: "fine"}}'
else
  jq -n --arg why "{why}" '{{artefact_type: "Review", artefact_payload: ({{issue: $why}} | tostring), summary: "not yet"}}'
fi
"""


@dataclass(frozen=True)
class Demo:
    """One demo. `apps` has the folder of each agent that stands at `/app`, `tools` commands that its images have besides, `made` the
    artefacts that it makes, `code` the exit code."""

    name: str
    yaml: str
    apps: dict[str, dict[str, str]]
    made: tuple[str, ...]
    goal: str = "go"
    code: int = 0
    tools: dict[str, str] = field(default_factory=dict)

    def lay(self, workspace: Path, apps: Path, shell: str) -> dict[str, Path]:
        """Write the demo, its scripts begun with a shell, and return the folder of each agent."""
        (workspace / "holt.yml").write_text(self.yaml)
        found = {}
        for role, scripts in self.apps.items():
            found[role] = apps / role
            found[role].mkdir(parents=True)
            for name, text in {**scripts, **self.tools}.items():
                path = found[role] / name
                path.write_text(text.replace("#!/bin/sh", f"#!{shell}", 1))
                path.chmod(0o755)
        return found

    def wants_bash(self) -> bool:
        """Return whether a script is one of bash, which an image of busybox does not have."""
        return any(text.startswith("#!/bin/bash") for scripts in self.apps.values() for text in scripts.values())

    def images(self) -> dict[str, str]:
        """Return the image that the file names for each agent."""
        found, role = {}, ""
        for line in self.yaml.splitlines():
            begun = re.match(r"  (\w+):", line)
            role = begun.group(1) if begun else role
            named = re.search(r"\bimage: [\"']([^\"']+)", line)
            if named and role in self.apps and role not in found:
                found[role] = named.group(1)
        return found


def original(
    checkout: Path, name: str, roles: dict[str, str], made: tuple[str, ...], yaml: str = "", **more: Any
) -> Demo:
    """Return a demo with the agents of a checkout of the first system as they are, and with its file if `yaml` gives no other one."""
    apps = {role: {p.name: p.read_text() for p in (checkout / place).glob("*.sh")} for role, place in roles.items()}
    text = yaml or (checkout / name / "holt.yml").read_text()
    return Demo(name, text, apps, tuple(sorted(made)), **more)


def bids(**words: str) -> str:
    """Return a script that bids by the type of the artefact."""
    return BIDS.format(cases="\n".join(f"  {type}) echo {word} ;;" for type, word in words.items()))


def file_of(**agents: str) -> str:
    """Return a `holt.yml` with these agents, each in the flow notation of YAML."""
    lines = [
        f"  {role}: {{image: 'localhost/cogc-demo-{role.lower()}:latest', {text}}}" for role, text in agents.items()
    ]
    return 'version: "1.0"\nagents:\n' + "\n".join(lines) + "\nservices:\n  redis: {image: 'redis:7-alpine'}\n"


RUN, SCRIPT = 'command: ["/app/run.sh"]', 'bid_script: ["/app/bid.sh"]'
RW, RO = "workspace: {mode: rw}", "workspace: {mode: ro}"

POSTER = Demo(
    "a draft that a reviewer sends back once, and a page made of it",
    file_of(
        Writer=f'{RUN}, {SCRIPT}, {RW}, health_check: {{command: ["true"]}}',
        Reader=f"{RUN}, {SCRIPT}, {RO}",
        Printer=f"{RUN}, {SCRIPT}, {RW}",
    ),
    {
        "Writer": {
            "bid.sh": bids(GoalDefined="exclusive"),
            "run.sh": HEAD
            + """
veto=$(echo "$input" | jq -r '.context_chain[] | select(.type == "Review") | .payload')
if [ -n "$veto" ]; then
  git checkout --quiet "$(echo "$input" | jq -r .target_artefact.payload)"
  sed -i 's/: "Soon."/: "On the first Monday of May."/' poster.yaml
else
  printf 'title: "%s"\\nwhen: "Soon."\\n' "$(echo "$input" | jq -r .target_artefact.payload)" > poster.yaml
fi
git add poster.yaml
git commit -q -m "[Writer] poster" >&2
cat <<EOF
{
  "artefact_type": "Poster",
  "artefact_payload": "$(git rev-parse HEAD)",
  "summary": "a poster"
}
EOF
""",
        },
        "Reader": {
            "bid.sh": bids(Poster="review"),
            "run.sh": REVIEW.format(tool='! git show "$commit:poster.yaml" | grep -q Soon', why="say when, not \\\\\"Soon\\\\\""),
        },
        "Printer": {
            "bid.sh": bids(Poster="claim"),
            "run.sh": HEAD
            + """
git checkout --quiet "$(echo "$input" | jq -r .target_artefact.payload)"
sed -n 's/^title: "\\(.*\\)"/# \\1/p; s/^when: "\\(.*\\)"/When: \\1/p' poster.yaml > POSTER.md
git add POSTER.md
git commit -q -m "[Printer] page" >&2
printf '{"artefact_type": "Page", "artefact_payload": "%s", "summary": "a page"}\\n' "$(git rev-parse HEAD)"
""",
        },
    },
    ("GoalDefined v1", "Page v1", "Poster v1", "Poster v2", "Review v1", "Review v1"),
    goal='A poster for the "fair"',
)  # fmt: skip

BRANCH = """
branch=$(git rev-parse --abbrev-ref HEAD)
commit=$(echo "$input" | jq -r .target_artefact.payload)
git checkout --quiet "$commit" 2>/dev/null || true
"""
BACK = """
git add -A . >&2
git diff --cached --quiet || git commit -q -m "[agent] work" >&2
new=$(git rev-parse HEAD)
if [ "$branch" != HEAD ]; then git branch -f "$branch" "$new" 2>/dev/null || true; git checkout --quiet "$branch" || true; fi
"""


def answers(type: str) -> str:
    return f"""cat <<EOF
{{"artefact_type": "{type}", "artefact_payload": "$new", "summary": "made {type}"}}
EOF
"""


MODULE = Demo(
    "six agents with tools of their own, two reviewers, a branch that goes along, and a package at the end",
    file_of(
        Drafter=f'{RUN}, {SCRIPT}, {RW}, environment: ["API_KEY=${{API_KEY}}", "PATH=/app:/usr/bin:/bin"], health_check: {{command: ["shape", "version"], interval: "30s", timeout: "5s"}}',
        Shape=f'{RUN}, {SCRIPT}, {RO}, environment: ["PATH=/app:/usr/bin:/bin"]',
        Lint=f"{RUN}, {SCRIPT}, {RO}",
        Docs=f"{RUN}, {SCRIPT}, {RW}",
        Tidy=f"{RUN}, {SCRIPT}, {RW}",
        Packer=f"{RUN}, {SCRIPT}, {RW}",
    ),
    {
        "Drafter": {
            "bid.sh": bids(GoalDefined="exclusive"),
            "run.sh": HEAD
            + BRANCH
            + """
[ -z "$API_KEY" ] || exit 1
if echo "$input" | jq -e '.context_chain[] | select(.structural_type == "Review")' > /dev/null; then
  printf 'bucket  = "${name}"\\nregion  = "x"\\n' > main.conf
else
  printf 'bucket="${name}"\\nregion = "x"\\n' > main.conf
fi
"""
            + BACK
            + answers("Module"),
        },
        "Shape": {
            "bid.sh": bids(Module="review"),
            "run.sh": REVIEW.format(
                tool='t=$(mktemp) && git show "$commit:main.conf" > "$t" && shape -check "$t" >&2', why="needs\\\\n- shaping"
            ),
        },
        "Lint": {
            "bid.sh": bids(Module="review"),
            "run.sh": REVIEW.format(tool='[ -n "$(git show --name-only --format= "$commit" | grep conf)" ]', why="no file"),
        },
        "Docs": {
            "bid.sh": bids(Module="exclusive"),
            "run.sh": HEAD + BRANCH + "printf '# Module\\n\\n| a | b |\\n' > README.md\n" + BACK + answers("Manual"),
        },
        "Tidy": {
            "bid.sh": bids(Manual="claim"),
            "run.sh": HEAD + BRANCH + "sed -i 's/| a | b |/| name | use |/' README.md\n" + BACK + answers("TidyManual"),
        },
        "Packer": {
            "bid.sh": bids(TidyManual="exclusive"),
            "run.sh": HEAD
            + BRANCH
            + """
[ -f main.conf ] || { echo '{"structural_type": "Failure", "artefact_payload": "no main.conf"}'; exit 0; }
tar -czf module.tar.gz main.conf README.md
git checkout --quiet "$branch" || true
cat <<EOF
{
  "structural_type": "Terminal",
  "artefact_type": "PackagedModule",
  "artefact_payload": "module.tar.gz",
  "summary": "packed $(wc -c < module.tar.gz | tr -d ' ') bytes"
}
EOF
""",
        },
    },
    (
        "GoalDefined v1", "Manual v1", "Module v1", "Module v2", "PackagedModule v1", "Review v1", "Review v1", "Review v1", "Review v1",
        "TidyManual v1",
    ),
    tools={"shape": "#!/bin/sh\n[ \"$1\" = version ] && exit 0\n! grep -q '[a-z]=' \"$2\"\n"},
)  # fmt: skip

GIT = Demo(
    "an agent that takes values out of its input by grep, and commits a file",
    file_of(Coder=f"{RUN}, bidding_strategy: exclusive, {RW}"),
    {
        "Coder": {
            "run.sh": """#!/bin/sh
set -e
input=$(cat)
name=$(echo "$input" | grep -o '"payload":"[^"]*"' | head -1 | cut -d'"' -f4)
id=$(echo "$input" | grep -o '"id":"[^"]*"' | head -1 | cut -d'"' -f4)
cd /workspace
git config user.name > /dev/null 2>&1 || { git config user.name "Agent"; git config user.email "agent@example.org"; }
echo "made for $id" > "$name"
git add "$name"
git commit -q -m "made $name

Claim: $id" >&2
echo "committed" >&2
cat <<EOF
{
  "artefact_type": "CodeCommit",
  "artefact_payload": "$(git rev-parse HEAD)",
  "summary": "made $name"
}
EOF
"""
        }
    },
    ("CodeCommit v1", "GoalDefined v1"),
    goal="hello.txt",
)

PHASES = Demo(
    "a review, work side by side, and one that writes, all on the goal",
    file_of(
        Judge=f"role: 'Judge', {RUN}, {SCRIPT}, {RO}",
        Left=f"{RUN}, {SCRIPT}, {RO}",
        Right=f"{RUN}, {SCRIPT}, {RO}",
        Coder=f"{RUN}, {SCRIPT}, {RW}",
    ),
    {
        "Judge": {
            "bid.sh": bids(GoalDefined="review"),
            "run.sh": "#!/bin/sh\ninput=$(cat)\ncat <<EOF\n"
            '{"artefact_type": "Review", "artefact_payload": "{}", "summary": "no issues", "structural_type": "Review"}\nEOF\n',
        },
        **{
            role: {
                "bid.sh": bids(GoalDefined="claim"),
                "run.sh": """#!/bin/sh
input=$(cat)
type=$(echo "$input" | grep -o '"type":"[^"]*"' | head -1 | cut -d'"' -f4)
echo "work on $type" >&2
"""
                + f'echo "{{\\"artefact_type\\": \\"{role}\\", \\"artefact_payload\\": \\"on $type\\"}}"\n',
            }
            for role in ("Left", "Right")
        },
        "Coder": {
            "bid.sh": bids(GoalDefined="exclusive"),
            "run.sh": "#!/bin/sh\nset -e\ncat > /dev/null\necho done > /workspace/done.txt\n"
            'echo \'{"structural_type": "Terminal", "artefact_type": "Done", "artefact_payload": "x"}\'\n',
        },
    },
    ("Done v1", "GoalDefined v1", "Left v1", "Review v1", "Right v1"),
)

STRICT = Demo(
    "a reviewer that is never content",
    file_of(Coder=f"{RUN}, {SCRIPT}, {RW}", Strict=f"{RUN}, {SCRIPT}, {RO}").replace(
        "services:", "orchestrator: {max_review_iterations: 2}\nservices:"
    ),
    {
        "Coder": {
            "bid.sh": bids(GoalDefined="exclusive"),
            "run.sh": '#!/bin/sh\ncat > /dev/null\necho \'{"artefact_type": "Code", "artefact_payload": "x"}\'\n',
        },
        "Strict": {
            "bid.sh": bids(Code="review"),
            "run.sh": """#!/bin/sh
set -e
input=$(cat)
version=$(echo "$input" | grep -o '"version":[0-9]*' | head -1 | grep -o '[0-9]*')
cat <<EOF
{
  "artefact_type": "Review",
  "artefact_payload": "{\\"issue\\": \\"still not good\\", \\"version\\": $version}",
  "structural_type": "Review"
}
EOF
""",
        },
    },
    (
        "Code v1", "Code v2", "Code v3", "GoalDefined v1", "MaxIterationsExceeded v1", "Review v1", "Review v1", "Review v1",
    ),
    code=3,
)  # fmt: skip

WORKERS = Demo(
    "a controller with workers, of which several run at a time",
    file_of(
        Splitter=f"{RUN}, {SCRIPT}, {RO}",
        Joiner=f"{RUN}, {SCRIPT}, {RO}",
        Coder=f"mode: controller, command: ['/app/cub'], {SCRIPT}, worker: {{image: 'localhost/cogc-demo-coder:latest', max_concurrent: 2, command: ['/app/run.sh'], {RW}}}",
    ),
    {
        "Splitter": {
            "bid.sh": bids(GoalDefined="claim"),
            "run.sh": '#!/bin/sh\ncat > /dev/null\necho \'{"artefact_type": "Part", "artefact_payload": "a"}\'\n',
        },
        "Joiner": {
            "bid.sh": bids(GoalDefined="claim"),
            "run.sh": '#!/bin/sh\ncat > /dev/null\necho \'{"artefact_type": "Part", "artefact_payload": "b"}\'\n',
        },
        "Coder": {
            "bid.sh": bids(Part="exclusive"),
            "run.sh": """#!/bin/sh
name=$(cat | grep -o '"payload":"[^"]*"' | head -1 | cut -d'"' -f4)
echo done > "/workspace/$name.txt"
# each worker waits for the other one: they run at the same time
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -f /workspace/a.txt ] && [ -f /workspace/b.txt ] && break
  sleep 0.5
done
[ -f /workspace/a.txt ] && [ -f /workspace/b.txt ] || exit 1
printf '{"artefact_type": "Made", "artefact_payload": "%s"}' "$name"
""",
        },
    },
    ("GoalDefined v1", "Made v1", "Made v1", "Part v1", "Part v1"),
)

GREETER = Demo(
    "an agent that answers with several lines in a here-document",
    file_of(Greeter=f"role: 'greeter', {RUN}, bidding_strategy: exclusive, {RW}"),
    {
        "Greeter": {
            "run.sh": """#!/bin/sh
set -eu
input=$(cat)
kind=$(echo "$input" | grep -o '"claim_type":"[^"]*"' | cut -d'"' -f4)
said=$(echo "$input" | grep -o '"payload":"[^"]*"' | head -1 | cut -d'"' -f4)
answer="You said: '$said'"
answer="$answer\\n\\nThis is work of the kind $kind."
cat <<EOF
{
  "artefact_type": "Greeting",
  "artefact_payload": "$answer",
  "summary": "greeted"
}
EOF
exit 0
"""
        }
    },
    ("GoalDefined v1", "Greeting v1"),
    goal="good morning",
)

DEMOS = {
    "poster": POSTER,
    "module": MODULE,
    "git": GIT,
    "phases": PHASES,
    "strict": STRICT,
    "workers": WORKERS,
    "greeter": GREETER,
}


def repository(folder: Path) -> None:
    """Make a folder a repository of git with all that is in it."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (
        ["init", "-q", "-b", "main", "."],
        ["add", "-A"],
        [*who, "commit", "-q", "--allow-empty", "-m", "begin"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def originals(checkout: Path) -> dict[str, Demo]:
    """Return the demos and the agents of a checkout of the first system, with stubs for the tools that it has in its images."""
    recipe, terraform, agents = "demos/recipe-generator", "demos/terraform-generator", "agents"
    stubs = {
        "terraform": '#!/bin/sh\n[ "$1" = version ] && exit 0\n! grep -q \'^[a-z_]*=\' "$3"\n',
        "tflint": "#!/bin/sh\nexit 0\n",
        "markdownlint-cli2-fix": "#!/bin/sh\nsed -i 's/^# S3/# The S3/' \"$1\"\n",
    }
    strict = original(
        checkout,
        "always-reject reviewer",
        {"Strict": f"{agents}/always-reject-reviewer-agent"},
        STRICT.made,
        STRICT.yaml,
    )
    own = {"Coder": STRICT.apps["Coder"], "Strict": {**STRICT.apps["Strict"], **strict.apps["Strict"]}}
    return {
        "recipe": original(
            checkout,
            recipe,
            {r: f"{recipe}/agents/{f}" for r, f in (("Writer", "drafter"), ("Validator", "validator"), ("Formatter", "formatter"))},
            ("GoalDefined v1", "RecipeMarkdown v1", "RecipeYAML v1", "RecipeYAML v2", "Review v1", "Review v1"),
        ),
        "terraform": original(
            checkout,
            terraform,
            {
                "TerraformDrafter": f"{terraform}/agents/terraform-drafter", "TerraformFmt": f"{terraform}/agents/terraform-fmt",
                "TfLint": f"{terraform}/agents/tflint", "DocGenerator": f"{terraform}/agents/doc-generator",
                "MarkdownLint": f"{terraform}/agents/markdown-lint", "ModulePackager": f"{terraform}/agents/module-packager",
            },
            (
                "GoalDefined v1", "TerraformCode v1", "TerraformCode v2", "TerraformDocumentation v1", "FormattedDocumentation v1",
                "PackagedModule v1", "Review v1", "Review v1", "Review v1", "Review v1",
            ),
            tools=stubs,
        ),
        "git agent": original(checkout, "git agent", {"Coder": f"{agents}/example-git-agent"}, GIT.made, GIT.yaml, goal="hello.txt"),
        "reviewer and worker": original(
            checkout,
            "reviewer and worker",
            {"Judge": f"{agents}/example-reviewer-agent", "Worker": f"{agents}/example-parallel-agent"},
            ("GoalDefined v1", "ParallelWorkComplete v1", "Review v1"),
            file_of(Judge=f"{RUN}, bid_script: ['/bin/sh', '-c', 'grep -q GoalDefined && echo review || echo ignore'], {RO}",
                    Worker=f"{RUN}, bid_script: ['/bin/sh', '-c', 'grep -q GoalDefined && echo claim || echo ignore'], {RO}"),
        ),
        "scaffold": Demo(
            "scaffold",
            GREETER.yaml,
            {"Greeter": {"run.sh": (checkout / "internal/scaffold/templates/run.sh.tmpl").read_text()}},
            ("GoalDefined v1", "GreetingResponse v1"),
        ),
        "always-reject reviewer": replace(strict, apps=own, code=3),
    }  # fmt: skip
