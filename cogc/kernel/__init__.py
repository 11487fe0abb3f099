"""The deterministic machine: events in, effects out.

Architecture invariant: nothing in here imports Trio, does I/O, reads a clock or draws random numbers of its own. Time
comes in with events; random numbers come from streams that the run's seed and a coglet's path determine. The same events
give the same effects and the same trace, to the byte.

The files form four layers. Each calls only its own layer and those before it.

1. Code. `code` writes IR as Python functions, `coder` compiles them, `validate` helps; `program` is the code of a reaction or a
   child; `unit` holds the code of one program, which any number of kernels share. Nothing here knows of a run.
2. State. `objects` are the records of a running system, `effects` what the kernel asks of the shell, `waits` what a
   reaction asks of the kernel. `ports` makes inboxes and outputs, `timers` and `trace` keep theirs, `models/state` keeps
   the tables of the model side. `state.State` holds all of them, with the primitives: send, admit, discard, park, wake, log.
3. The run. Each file calls files of earlier lines, and none of later ones.
   - `joins`, `programs`, `pools`, `kept`, `periods`, `claims`: tables of a run, and what changes them.
   - `activities`: generators that wait, and how they go on. `models/coglet_tools` puts a question to a coglet.
   - `requests`: what an activity asks for. `models/agents` steers conversations.
   - `reactions`: a message meets its reactions. `queues`: the consumers of queues.
   - `wiring` makes the routes, `creation` the coglets.
   - `supervision` starts, stops and restarts coglets; `failing` decides when.
   - `commands`: commands and errors of children, which go ahead of data.
   - `python`, `orders`, `hosted`, `disturb`: events from beside the program.
   Two verbs lead up again, since a user's code may meet them at any height: `State.fail` and `State.carry_out`.
   `machine.Kernel` has them from `failing` and `requests`.
4. The doors. `machine.Kernel` is the state with the loop, the events, and the services that compiled code calls.
   `models/conversation` and `models/roster` are generators that activities run without knowing them, and
   `models/steering` carries out what people ask of agents. `touching`, `picking`, `rewind`,
   `snapshot` and `restoring` stand on the machine.

Who may call whom: the shell (`run/`) calls `Kernel` and takes `Kernel.effects`. Compiled code calls `I.kernel`, the
kernel of the coglet `I`, and nothing else. A generator that waits yields a record of `waits` and never calls the loop.
The files of layer 3 take a `State`, so that they cannot call the loop either: whatever must happen later is put into the message queue.
"""
