"""Windows event logs (.evtx) as columns."""

from __future__ import annotations

from kit.evtx.reader import Batch, Loss, stream

__all__ = ["Batch", "Loss", "stream"]
