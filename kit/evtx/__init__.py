"""Windows event logs (.evtx) as columns."""

from __future__ import annotations

from kit.evtx.account import Loss
from kit.evtx.log import Batch, Log

__all__ = ["Batch", "Log", "Loss"]
