"""What every definition of done's coglet has in common, as text of the language; `cogc/desugar/dods.py` fills the holes and the @WORDS@."""

from __future__ import annotations

FINDING = '{ criterion: string, status: "PASS" | "FAIL" | "SKIP", details: string, output: string, score?: float, reason?: string }'
VERDICT = (
    '{ id: string, status: "passed" | "failed" | "max_loops_exceeded", loops: int, work: any, '
    f"findings: [{FINDING}], log: [[{FINDING}]] }}"
)

TEXT = """
coglet _ {
  listen verify: { id: string = "", task: string = "", work: any = null, fix: bool = true }
  transmit passed: @VERDICT@
  transmit failed: @VERDICT@
  transmit report: { id: string, loop: int, findings: [@FINDING@] }

  state findings_: [@FINDING@] = []
  state none_: [@FINDING@] = []
  state log_: [[@FINDING@]] = []
  state status_: any = "verifying"
  state work_: any = null

  program finding_(criterion: string, kind: string, found: any, wanted: any = null) -> @FINDING@ = python "std.criteria:finding"
  @PROGRAMS@

  on verify as given_ {
    log_ = []
    status_ = "verifying"
    work_ = given_.work
    for loop_ in range(1, most_hole + 1) {
      if status_ == "verifying" {
        findings_ = none_
        @CRITERIA@
        log_ = log_ + [findings_]
        report <- { id: given_.id, loop: loop_, findings: findings_ }
        if len([f for f in findings_ if f.status == "FAIL"]) == 0 {
          status_ = "passed" if @EMPTY@ or len([f for f in findings_ if f.status == "PASS"]) > 0 else "failed"
        } else {
          @REPAIR@
        }
      }
    }
    let verdict_ = { id: given_.id, status: status_, loops: len(log_), work: work_, findings: findings_, log: log_ }
    if status_ == "passed" { passed <- verdict_ } else { failed <- verdict_ }
  }
}
"""
REPAIR = """
          if not given_.fix {
            status_ = "failed"
          } else if loop_ == most_hole {
            status_ = "max_loops_exceeded"
          } else {
            let fixed_ = try { done: fixer_hole(fix_(given_.task, findings_)), error: null } else as e_ { done: null, error: e_.message }
            if fixed_.error != null {
              findings_ = findings_ + [finding_("fix", "value", { error: fixed_.error })]
              log_ = log_[0:len(log_) - 1] + [findings_]
              status_ = "failed"
            } else if work_ != null {
              work_ = fixed_.done
            }
          }
"""
FIX = '''
  program fix_(task: string, findings: any) -> string = template """
    The work does not meet its definition of done. Put it right, then say in a few words what you changed.
    {% if task %}
    The task was:
    {{ task }}
    {% endif %}
    {% for f in findings if f.status == "FAIL" %}

    FAIL {{ f.criterion }}: {{ f.details }}
    {{ f.output }}
    {% endfor %}
    """
'''
CHANGES = """
  program difference_(since: string) -> any = shell ["git", "diff", "--no-ext-diff", since] { output: outcome@CWD@ }
  program untracked_() -> any = shell ["git", "ls-files", "--others", "--exclude-standard"] { output: outcome@CWD@ }
"""
JUDGE = '''
  program name_hole(criterion: string, task: string, work: any, changes: string) -> { score: float, reason: string } = llm {
    model: model_hole
    system: "You judge work by one criterion, strictly and on what you are shown alone. The score goes from 0 (not met at all) to 1 (met in full); the reason says in one or two sentences what decided it."
    prompt: """
      The criterion: {{ criterion }}
      {% if task %}

      The task was:
      {{ task }}
      {% endif %}
      {% if work %}

      The work:
      {{ work }}
      {% endif %}
      {% if changes %}

      What was changed:
      {{ changes }}
      {% endif %}
    """
  }
'''
TDD = """
  program commits_(range: [string]) -> any = shell ["git", "-c", "core.quotePath=false", "log", "--reverse", "--no-merges", "--name-status", "-M", "-n", "500", "--format=%x01%h %s", range] { output: outcome@CWD@ }
  program uncommitted_() -> any = shell ["git", "-c", "core.quotePath=false", "status", "--porcelain", "--untracked-files=all"] { output: outcome@CWD@ }
  program files_() -> any = shell ["git", "-c", "core.quotePath=false", "ls-files", "--cached", "--others", "--exclude-standard"] { output: outcome@CWD@ }
  program imports_() -> any = shell ["git", "-c", "core.quotePath=false", "grep", "--untracked", "-hnIE", "--full-name", "-H", "^[[:space:]]*(from|import)[[:space:]]"] { output: outcome@CWD@ }
"""
COVERAGE = """
  program covered_() -> any = shell ["coverage", "run", "-m", "pytest", "-q"] { output: outcome, timeout: 30m@CWD@ }
  program coverage_() -> any = shell ["coverage", "json", "-q", "-o", "-"] { output: outcome@CWD@ }
"""
