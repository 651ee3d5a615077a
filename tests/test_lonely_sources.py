"""A customer may send one file only: every part of every notebook must still draw it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import kit
from kit import page, plots

ROOT = Path(__file__).resolve().parent.parent
PRACTICE = ROOT / "data" / "practice"
ALONE = [
    "guest/ERRORLOG", "guest/System.evtx", "replica/HV-REPLICA/recovery-points-20140519-1805.xml",
    "replica/HV-REPLICA/replication.xml", "primary/HV-PRIMARY/Microsoft-Windows-Hyper-V-VMMS-Admin.evtx",
]  # fmt: skip


def parts() -> list[str]:
    """The calls that the notebooks make, such as page.head."""
    cells = [cell for path in (ROOT / "notebooks").glob("*.ipynb") for cell in json.loads(path.read_bytes())["cells"]]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return sorted(set(re.findall(r"^((?:page|plots)\.\w+)\(analysis\)", code, re.MULTILINE)))


@pytest.mark.parametrize("name", ALONE)
def test_every_part_of_the_notebooks_draws_a_case_of_one_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "case" / name
    file.parent.mkdir(parents=True)
    shutil.copyfile(PRACTICE / name, file)
    analysis = kit.open_analysis(tmp_path / "case")
    assert len(parts()) > 20
    for part in parts():
        module, call = part.split(".")
        made = getattr({"page": page, "plots": plots}[module], call)(analysis)
        assert made._repr_html_() is not None, part
