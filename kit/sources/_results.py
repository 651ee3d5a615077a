"""Lines around the rows of a query result: heading, rule, count of rows in any language, the time when it completed."""

from __future__ import annotations

import re

AROUND = re.compile(
    r"LogDate\b.{0,80}\bText\"?\s*$|-{4,}[- \t|]*$|\(\d+ [^()\d]{3,60}\)\s*$"
    r"|[^\W\d][^:：\d]{3,40}[:：] \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+[+-]\d\d:\d\d\s*$"
)


def is_around(text: str) -> bool:
    """Whether a line belongs to the frame of a result, not to one of its rows."""
    return AROUND.match(text) is not None
