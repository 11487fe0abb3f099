"""`cogc send [RUN] CHANNEL=VALUE`: send a message to a run.

The message goes to a listen channel of the root. VALUE is JSON, or a text where
the type of the channel is string; @FILE: what the file holds. It is checked
before it enters. The number of the message is printed.

Exit codes: 0 done; 1 there is no such channel, or the value does not fit;
2 there is no such run; 3 the inbox is full.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cogc.commands.inputs import read_file
from cogc.commands.running import answers, refused, run_and_word, socket, words
from cogc.commands.usage import pair


def arguments(parser: ArgumentParser) -> None:
    words(parser, "CHANNEL=VALUE", "the channel and the message")


def run(options: Namespace) -> int:
    run, message = run_and_word(options, "send", "CHANNEL=VALUE")
    channel, text = pair(message, "send")
    if text.startswith("@@"):
        text = text[1:]
    elif text.startswith("@"):
        text = read_file(text[1:], f"send {channel}=@{text[1:]}")
    request = {"action": "input", "channel": channel, "text": text}
    answer = next(answers(socket(options, run), request))
    if "error" in answer:
        return refused(answer)
    print(answer["ok"]["seq"])
    return 0
