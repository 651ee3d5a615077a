"""Modules that have the name of their main function and can be called like it: `kit.explain(...)`, `kit.report(...)`.

The public names of the package stand beside modules of the same name. Importing a module makes it an attribute of the
package, so the module itself answers the call.
"""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any


class NamedModule(ModuleType):
    """A module that calls its function of the same name."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """What the module's main function returns."""
        return getattr(self, self.__name__.rpartition(".")[2])(*arguments, **named)


def callable_by_name(module: str) -> None:
    """Makes the module with this full name callable like its function of the same name, with its signature and help."""
    made = sys.modules[module]
    function = getattr(made, module.rpartition(".")[2])
    made.__class__ = NamedModule
    made.__doc__ = function.__doc__
    vars(made)["__signature__"] = inspect.signature(function)
