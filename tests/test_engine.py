"""One warm kernel runs many notebooks, and none sees anything of another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat.v4 as v4
import pytest
from nbformat import NotebookNode

pytestmark = pytest.mark.slow


def run(*sources: str, cwd: Path | None = None, **options: Any) -> NotebookNode:
    import papermill

    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return papermill.execute_notebook(notebook, None, engine_name="warm", progress_bar=False, cwd=cwd, **options)


def said(notebook: NotebookNode, cell: int = -1) -> str:
    return str(notebook.cells[cell].outputs[0]["data"]["text/plain"])


@pytest.fixture(scope="module", autouse=True)
def engine() -> Iterator[Any]:
    from papermill.engines import papermill_engines

    found = papermill_engines.get_engine("warm")
    yield found
    found.stop()


def pid() -> str:
    return said(run("import os", "os.getpid()"))


def test_two_notebooks_share_a_kernel_and_no_names() -> None:
    first = run("secret = 42", "import os", "os.getpid()")
    second = run("import os", "'secret' in globals()", "os.getpid()")
    assert said(first) == said(second)
    assert said(second, 1) == "False"
    assert [cell.execution_count for cell in second.cells] == [1, 2, 3]


def test_what_modules_share_is_put_back() -> None:
    run(
        "import os, sys, warnings\nimport pandas as pd",
        "os.environ['LEFT'] = 'x'; sys.path.append('left')",
        "warnings.simplefilter('error'); pd.set_option('display.max_rows', 3)",
    )
    found = run(
        "import os, sys, warnings\nimport pandas as pd",
        "('LEFT' in os.environ, 'left' in sys.path, warnings.filters[0][0] == 'error')",
        "pd.get_option('display.max_rows')",
    )
    assert (said(found, 1), said(found, 2)) == ("(False, False, False)", "60")


def test_each_notebook_runs_in_its_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        assert said(run("import os", "os.path.basename(os.getcwd())", cwd=folder)) == f"'{name}'"
        assert list(folder.iterdir()) == [], "the sockets of the kernel lie elsewhere"


def test_what_a_cell_prints_stands_below_that_cell() -> None:
    found = run("import sys", "print('one')", "6 * 7", "print('two', file=sys.stderr)", "print('x' * 100_000)")
    texts = ["".join(output.get("text", "") for output in cell.outputs) for cell in found.cells]
    assert texts == ["", "one\n", "", "two\n", "x" * 100_000 + "\n"]
    assert said(found, 2) == "42"


def test_a_failure_ends_the_kernel_and_does_not_poison_the_next_report() -> None:
    from papermill.exceptions import PapermillExecutionError

    before = pid()
    with pytest.raises(PapermillExecutionError, match="division by zero"):
        run("1 / 0", "2")
    assert pid() != before


def test_a_kernel_that_died_is_replaced() -> None:
    from nbclient.exceptions import DeadKernelError

    before = pid()
    with pytest.raises(DeadKernelError):
        run("import os", "os._exit(1)")
    assert pid() != before


def test_a_cell_that_hangs_is_stopped() -> None:
    from nbclient.exceptions import CellTimeoutError

    with pytest.raises(CellTimeoutError):
        run("import time; time.sleep(60)", execution_timeout=1)
    assert pid()


def test_a_fresh_kernel_lives_for_one_notebook() -> None:
    warm = pid()
    fresh = said(run("import os", "os.getpid()", fresh=True))
    assert fresh != warm
    assert pid() == warm


def test_the_engine_is_reached_through_papermill_alone() -> None:
    """nbconvert, papermill and the exporter in fresh processes: each works whichever comes first."""
    for code in (
        "import papermill.engines as e; e.papermill_engines.get_engine('warm')",
        "import kit.report.export, papermill.engines as e; e.papermill_engines.get_engine('warm')",
        "import papermill.engines, nbconvert.exporters as n; n.get_exporter('html')",
    ):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_no_kernel_is_left_behind() -> None:
    code = (
        "import papermill, nbformat.v4 as v4; n = v4.new_notebook(cells=[v4.new_code_cell('import os; os.getpid()')]);"
        "n.metadata['kernelspec'] = {'name': 'python3', 'language': 'python', 'display_name': 'p'};"
        "r = papermill.execute_notebook(n, None, engine_name='warm', progress_bar=False);"
        "print(r.cells[0].outputs[0]['data']['text/plain'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kernel = Path(f"/proc/{done.stdout.strip()}")
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc to look for the process")
    assert not kernel.exists() or "ipykernel" not in (kernel / "cmdline").read_text(errors="replace")
