"""Speaks the worker's protocol and does on demand what a worker must never do. Run as a script.

Usage: fake_worker.py JOURNAL [startup]. Appends "start" and each answer that it is asked to the journal.
"""

import json
import os
import signal
import sys
import time


def misbehave(answer: str) -> dict[str, object] | None:
    if answer == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    if answer.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, answer))
    if answer == "exit":
        sys.exit(3)
    if answer == "close":
        os.close(1)
        time.sleep(600)
    if answer == "slow":
        time.sleep(0.4)
    if answer == "nonsense":
        print("{", flush=True)
        return None
    if answer == "memory":
        return {"error": "MemoryError"}
    right = {"status": "correct", "reason": "function", "reward": 1.0}
    wrong = {"status": "wrong", "reason": "function", "reward": 0.0}
    return {} if answer == "void" else right if answer == "right" else wrong


def main() -> None:
    journal, startup = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""

    def note(text: str) -> None:
        with open(journal, "a") as file:
            file.write(text + "\n")

    note("start")
    if startup == "hang":
        time.sleep(600)
    print(json.dumps({"error": startup} if startup else {"ready": True}), flush=True)
    for line in sys.stdin:
        answer = json.loads(line)["answer"]
        note(answer)
        if (reply := misbehave(answer)) is not None:
            print(json.dumps(reply), flush=True)


main()
