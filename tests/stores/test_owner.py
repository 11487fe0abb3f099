"""Owners of plans, agents and instances: a process that has ended owns nothing, also if its parent has not taken note."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from cogc.stores.owner import Owner, _start_of, alive, owner
from support.waiting import wait_for


def test_a_process_that_has_ended_owns_nothing_before_its_parent_takes_note() -> None:
    now = time.time()
    assert alive(owner(now), now)
    child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    found: Owner = {**owner(now), "pid": child.pid, "born": _start_of(child.pid)}
    assert alive(found, now)
    os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: not alive(found, now))  # a zombie: nobody has waited for it
    assert child.wait() == -signal.SIGKILL and not alive(found, now)
