"""Windows event logs (.evtx) as columns.

    read(path, providers=None, event_ids=None)   the records as a frame, event data typed (see `read`, `EventData`)
    account(path)                                one row a chunk: declared, seen, decoded, lost, recovered, ...
    Log(file).batches()                          the same in batches, for logs larger than memory

Instead of a Python object for every record, all records of one template are decoded at once into Arrow arrays; what is
irregular goes one by one and is counted. Needs numpy, pyarrow and pandas.
"""

from __future__ import annotations

from kit.evtx.account import Loss
from kit.evtx.data import EventData
from kit.evtx.frame import account, read
from kit.evtx.log import Batch, Log

__all__ = ["Batch", "EventData", "Log", "Loss", "account", "read"]
