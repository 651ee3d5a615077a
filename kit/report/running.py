"""A notebook with its parameters through papermill and the warm kernel."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

from kit.errors import ExportError

if TYPE_CHECKING:
    from kit.report.engine import WarmKernelEngine

ENGINE = "warm"


def execute(
    template: NotebookNode, name: str, parameters: dict[str, Any], work: Path, failed: Path, isolated: bool = False,
    timeout: float | None = None,
) -> NotebookNode:  # fmt: skip
    """The executed notebook. A run that fails is kept under the name `failed` and raises ExportError."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    failed.unlink(missing_ok=True)
    engine = _engine()
    try:
        with _checked_parameters():
            executed = papermill.execute_notebook(
                template, None, parameters=parameters, engine_name=ENGINE, cwd=str(work),
                progress_bar=False, request_save_on_cell_execute=False, fresh=isolated, execution_timeout=timeout,
            )  # fmt: skip
    except PapermillExecutionError as error:
        nbformat.write(engine.last, failed)
        raise ExportError(f"notebook {name} failed in cell {error.exec_count}: {error.evalue}; see {failed}") from error
    except CellTimeoutError as error:
        raise ExportError(f"notebook {name}: a cell did not end within {timeout:.0f} s") from error
    except DeadKernelError as error:
        raise ExportError(f"notebook {name}: its kernel ended without a word; memory may have run out") from error
    engine.last = None
    return executed


def _engine() -> type[WarmKernelEngine]:
    """The warm engine, made known to papermill even where the package is not installed but only found."""
    from papermill.engines import papermill_engines

    from kit.report.engine import WarmKernelEngine

    papermill_engines.register(ENGINE, WarmKernelEngine)
    return WarmKernelEngine


def stop() -> None:
    """Ends the warm kernel of this process, if there is one."""
    import sys

    if engine := sys.modules.get("kit.report.engine"):
        engine.WarmKernelEngine.stop()


@contextlib.contextmanager
def _checked_parameters() -> Iterator[None]:
    """Without papermill's warning of unknown parameters.

    It cannot read an annotation such as `str | None`; `notebooks.check` has compared given with declared already.
    """
    logger = logging.getLogger("papermill")
    logger.addFilter(_not_unknown)
    try:
        yield
    finally:
        logger.removeFilter(_not_unknown)


def _not_unknown(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Passed unknown parameter")
