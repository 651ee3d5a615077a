"""How many sets of events `explain_jsonl` explains in a second of CPU time, against reading the same lines as JSON.

    python benchmarks/explain_rate.py [--sets 2000]

Start-up (reading the rules, compiling the patterns) is shown apart. Usual sets are half a dozen events each, as a guest
writes them in one operation, with one line in five of another kind. Hard ones are six texts of 270 characters
without source or number that no rule knows, made of words that many rules know: every pattern has to be ruled out.
"""

from __future__ import annotations

import argparse
import json
import random
import time

WORDS = [
    "the", "service", "failed", "to", "start", "because", "of", "a", "database", "backup", "on", "volume", "error",
    "writer", "state", "snapshot", "time", "operation", "disk", "shadow", "copy", "connection", "replication",
    "virtual", "machine", "host", "could", "not", "be", "quickly",
]
DEVICE = "{0F5D1A2B-63C4-4964-BA11-5DB60011%04d}1"


def lines(count: int) -> list[str]:
    """JSON lines of `count` sets."""
    return [json.dumps({"id": number, **one_set(number)}) for number in range(count)]


def one_set(number: int) -> dict:
    """A freeze and its late abort in database Sales<number>; now and then a record of another kind."""
    name, device = f"Sales{number}", DEVICE % number
    events = [
        sql(3197, f"I/O is frozen on database {name}. No user action is required."),
        sql(3198, f"I/O was resumed on database {name}. No user action is required."),
        {
            "provider": "SQLVDI",
            "event_id": 1,
            "message": "SQLVDI: Loc=SignalAbort. Desc=Client initiates abort. "
            f"ErrorCode=(0). Process=2644. Thread={number}. Client. Instance=. VD=Global\\{device}",
        },
        sql(
            18210,
            "BackupVirtualDeviceFile::SendFileInfoBegin: failure on backup device "
            f"'{device}'. Operating system error 995(The I/O operation has been aborted.).",
        ),
        sql(3041, f"BACKUP failed to complete the command BACKUP DATABASE {name}. Check the backup application log."),
    ]
    if number % 5 == 0:
        events.append({"provider": "Schannel", "event_id": 36887, "message": f"A fatal alert was received, {number}."})
    state = ("app_consistent_listed", "unknown", "the backup job failed")[number % 3]
    return {"events": events, "host_state": state, "context": {"requestor": "Hyper-V Replica", "guest_os": "2008 R2"}}


def sql(event_id: int, message: str) -> dict:
    return {"provider": "MSSQLSERVER", "event_id": event_id, "level": "error", "time": None, "message": message}


def hard_lines(count: int) -> list[str]:
    """JSON lines of `count` sets of six long texts that no rule knows."""
    rng = random.Random(1)
    sets = ([{"message": " ".join(rng.choices(WORDS, k=40))} for _ in range(6)] for _ in range(count))
    return [json.dumps({"id": number, "events": events}) for number, events in enumerate(sets)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sets", type=int, default=2000)
    count = options.parse_args().sets
    given, hard = lines(count), hard_lines(count // 4)
    start = time.process_time()
    from kit.explain import explain_jsonl

    list(explain_jsonl(given[:10]))
    ready = time.process_time()
    for line in given:
        json.loads(line)
    read = time.process_time()
    explained = sum(1 for _ in explain_jsonl(given))
    done = time.process_time()
    refused = sum(1 for _ in explain_jsonl(hard))
    end = time.process_time()
    print(f"start-up {ready - start:.2f} s CPU; {explained} sets in {done - read:.2f} s CPU")
    times = (done - read) / max(read - ready, 1e-9)
    print(f"{explained / (done - read):.0f} sets/s; {times:.0f} times the reading as JSON")
    print(f"{refused / (end - done):.0f} hard sets/s")


if __name__ == "__main__":
    main()
