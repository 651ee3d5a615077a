"""A notebook with its parameters through papermill and the warm kernel."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode
from nbformat.notebooknode import from_dict

from kit.errors import ExportError

if TYPE_CHECKING:
    from kit.report.engine import WarmKernelEngine

ENGINE = "warm"


def execute(
    template: NotebookNode, name: str, parameters: dict[str, Any], work: Path, failed: Path, isolated: bool = False,
    timeout: float | None = None,
) -> NotebookNode:  # fmt: skip
    """The executed notebook. A run that fails is kept under the name `failed` and raises ExportError."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    failed.unlink(missing_ok=True)
    engine = _engine()
    try:
        executed = _executed(template, parameters, work, fresh=isolated, execution_timeout=timeout)
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


def _executed(template: NotebookNode, parameters: dict[str, Any], work: Path, **options: Any) -> NotebookNode:
    """What papermill's `execute_notebook` does, without turning the notebook into text to write it nowhere."""
    from papermill.engines import papermill_engines
    from papermill.execute import raise_for_execution_errors, remove_error_markers
    from papermill.parameterize import parameterize_notebook
    from papermill.utils import chdir

    notebook = copy.deepcopy(template)
    notebook.metadata["papermill"] = from_dict({"parameters": {}})
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])
        cell.metadata["papermill"] = NotebookNode()
    notebook = remove_error_markers(parameterize_notebook(notebook, parameters, engine_name=ENGINE))
    with chdir(str(work)):
        executed: NotebookNode = papermill_engines.execute_notebook_with_engine(
            ENGINE, notebook, papermill_engines.nb_kernel_name(ENGINE, notebook), progress_bar=False, **options
        )
    raise_for_execution_errors(executed, None)
    return executed
