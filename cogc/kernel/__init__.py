"""The deterministic machine: events in, effects out.

Architecture invariant: nothing in here imports Trio, does I/O, reads a clock or draws random numbers of its own. Time
comes in with events; random numbers come from streams that the run's seed and a coglet's path determine. The same events
give the same effects and the same trace, to the byte.

The files form four layers. Each calls only its own layer and those before it.

1. Code. `code` compiles IR to Python functions, `validate` and `templates` help; `program` is the code of a reaction or a
   child; `unit` holds the code of one program, which any number of kernels share. Nothing here knows of a run.
2. State. `objects` are the records of a running system, `effects` what the kernel asks of the shell, `waits` what a
   reaction asks of the kernel. `ports` makes inboxes and outputs, `timers` and `trace` keep theirs, `models/state` keeps
   the tables of the model side. `state.State` holds all of them, with the primitives: send, admit, bury, park, wake, log.
3. The heart: nine files that call each other, as the parts of a state machine do.
   `reactions` runs reactions and commands, `requests` carries out what they wait for, `failing` decides on failures,
   `supervision` creates, starts, stops and restarts coglets, `wiring` makes the routes, `queues` claims items, `python`
   takes what a Python coglet did, `models/coglet_tools` puts a question to a coglet, `models/agents` steers conversations.
   `tests/test_layers.py` names these files; no other file of the project is part of a circle of imports.
   `joins` and `programs` stand beside the heart: the heart calls them, and they call nothing of it.
4. The doors. `machine.Kernel` is the state with the loop, the events, and the services that compiled code calls.
   `models/conversation` and `models/roster` are generators that the heart runs without knowing them, and
   `models/steering` carries out what people ask of agents.

Who may call whom: the shell (`run/`) calls `Kernel` and takes `Kernel.effects`. Compiled code calls `I.kernel`, the
kernel of the coglet `I`, and nothing else. A generator that waits yields a record of `waits` and never calls the loop.
The heart takes a `State`, so that it cannot call the loop either: whatever must happen later is put into the message queue.
"""
