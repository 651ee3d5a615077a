"""Every error of the kit.

    KitError
    |-- CaseError              a case folder or archive cannot be used
    |   `-- ConfigError        case.toml says something that is unknown or impossible
    |-- SourceError            one file cannot be used; the others can
    |   |-- Unrecognised       no reader knows the format
    |   `-- Unreadable         the format is known, the content is not
    |-- TableError             a frame does not fit its declared table
    |-- RuleError              a knowledge file is wrong
    |-- ParameterError         a parameter of a command or notebook is unknown, missing or of the wrong type
    |-- GateError              the parts of a report contradict each other; nothing is issued
    |-- ExportError            a notebook could not be run or rendered
    |-- IntegrityError         evidence or output is not what the manifest says
    `-- Unsupported            an optional part (browser, cluster) is not there

A message names the file, the row, the option or the rule, and what to do next.
"""

from __future__ import annotations

import os
import traceback


class KitError(Exception):
    """Base of all errors that a user can cause or mend; shown as one line without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message alone; with KIT_DEBUG set, the way to it."""
        if os.environ.get("KIT_DEBUG"):
            return traceback.format_exception(self)
        return [f"{type(self).__name__}: {self}"]


class CaseError(KitError):
    """A case folder or archive cannot be used."""


class ConfigError(CaseError):
    """case.toml holds an unknown key or an impossible value."""


class SourceError(KitError):
    """One file cannot be used."""


class Unrecognised(SourceError):
    """No reader knows the format of this file."""


class Unreadable(SourceError):
    """The format is known, but the content cannot be read."""


class TableError(KitError):
    """A frame does not fit its declared table."""


class RuleError(KitError):
    """A knowledge file breaks the rules of knowledge files."""


class ParameterError(KitError):
    """A parameter is unknown, missing or of the wrong type."""


class GateError(KitError):
    """The parts of a result contradict each other."""


class ExportError(KitError):
    """A notebook could not be run or rendered completely."""


class IntegrityError(KitError):
    """Evidence or output differs from its manifest."""


class Unsupported(KitError):
    """An optional part that this needs is not installed."""
