"""Snapshots that Hyper-V Replica did not ask for: an agent in the guest, Windows Server Backup, a backup on the host.

Each asks the same writers, off the schedule of the points. An agent and Windows Server Backup complete; a backup on the
host stops after the thaw, as the host always does. Any of them may fail in flush-and-hold and leave genuine errors of
its own, which belong to no recovery point.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from kit.practice import os_messages
from kit.practice.evtx_writer import Event
from kit.practice.journal import Book, Tag, seconds
from kit.practice.scenario import By, Snapshot
from kit.practice.vss_messages import NEVER
from kit.practice.vss_story import Fate, Teller, run
from kit.practice.world import Guest

OTHER = Tag("other_requestor")
# without a schedule that the points show, nobody can tell whose operation it was
OPEN = Tag("other_requestor|genuine_failure|benign_abort|unexplained")
FATES = {By.AGENT: Fate.CLEAN, By.WINDOWS: Fate.CLEAN, By.HOST: Fate.BENIGN}


def tell_snapshots(
    snapshots: Iterable[Snapshot], guest: Guest, book: Book, host: Book, rng: Random, scheduled: bool
) -> None:
    """Writes the snapshots into the books of guest and host. `scheduled`: enough points show the schedule."""
    for snapshot in snapshots:
        teller = Teller(book, guest, snapshot.time + seconds(rng.uniform(0, 20)), rng, None)
        teller.benign = teller.genuine = teller.undecided = OTHER if scheduled else OPEN
        if snapshot.by is By.HOST:
            requestor = os_messages.service_state(
                "Hyper-V Volume Shadow Copy Requestor", "running", "vmicvss", guest.windows
            )
            book.log(teller.begin, requestor)
        run(teller, Fate.HOLD_TIMEOUT if snapshot.failed else FATES[snapshot.by])
        end = teller.time + seconds(rng.uniform(20, 200))
        if snapshot.by is By.HOST:
            host.log(end, _product(snapshot.failed), OTHER)
        elif snapshot.by is By.WINDOWS and guest.windows.major >= 6:
            book.log(end, _windows_backup(snapshot.failed), OTHER)


def _product(failed: bool) -> Event:
    """The record of a backup product on the host about its own job."""
    words = "Job 'Nightly' finished with Failed" if failed else "Job 'Nightly' finished with Success"
    return Event("Veeam MP", 190, NEVER, "Application", "", 2 if failed else 4, strings=(words,), message=words)


def _windows_backup(failed: bool) -> Event:
    """Windows Server Backup finished (4), or failed in its shadow copy (521)."""
    strings = ("2155348129", "%%2155348129") if failed else ()
    return Event("Microsoft-Windows-Backup", 521 if failed else 4, NEVER, "Application", "", 2 if failed else 4,
                 strings=strings)
