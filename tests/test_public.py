"""The public names: what `kit.__all__` says is importable and callable as documented, and nothing heavy loads early."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kit
from kit.errors import KitError, ParameterError


def test_every_public_name_is_there_and_sorted() -> None:
    assert kit.__all__ == sorted(kit.__all__)
    for name in kit.__all__:
        assert getattr(kit, name) is not None
    assert set(kit.__all__) <= set(dir(kit))


def test_names_of_modules_can_be_called_even_after_their_import() -> None:
    import kit.explain as module

    assert callable(kit.explain)
    assert kit.explain is module
    healthy = [{"provider": "MSSQLSERVER", "event_id": number, "strings": ["Sales"]} for number in (3197, 3198)]
    made = kit.explain(healthy)
    assert made["assessment"] == "no_failure"


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(kit, "verdict")


def test_importing_the_package_loads_neither_pandas_nor_jupyter() -> None:
    heavy = ("pandas", "nbformat", "plotly", "papermill")
    code = f"import kit, sys; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_slow_import_of_jsonschema_is_blocked() -> None:
    assert sys.modules["rfc3987_syntax"] is None


def test_the_help_of_a_callable_module_is_that_of_its_function() -> None:
    for name, first in (("explain", "events"), ("report", "case")):
        module = getattr(kit, name)
        function = getattr(module, name)
        assert inspect.signature(module) == inspect.signature(function)
        assert next(iter(inspect.signature(module).parameters)) == first
        assert inspect.getdoc(module) == inspect.getdoc(function)


@pytest.mark.parametrize("name", [*kit.__all__, "evtx.read", "evtx.account"])
def test_every_public_name_says_what_it_is(name: str) -> None:
    found: Any = kit
    for part in name.split("."):
        found = getattr(found, part)
    said = (inspect.getdoc(found) or "").splitlines()
    assert said and said[0].endswith((".", ":")) and max(map(len, said)) <= 120


@pytest.mark.parametrize("given", ["0x800423f4", b"0x800423f4", {"message": "0x800423f4"}, [{"message": "0x800423f4"}]])
def test_explain_takes_text_a_code_an_event_or_several(given: Any) -> None:
    assert "VSS_E_WRITERERROR_NONRETRYABLE" in str(kit.explain(given)["events"])


def test_what_is_given_to_the_wrong_call_is_said() -> None:
    practice = Path(kit.__file__).parents[1] / "data" / "practice"
    loaded = kit.load_case(practice)
    with pytest.raises(ParameterError, match=r"takes a path, not Case; a loaded case goes to kit\.analyze"):
        kit.open_analysis(loaded)
    by_path, by_case = kit.analyze(practice), kit.analyze(loaded)
    assert by_path.verdicts["verdict"].tolist() == by_case.verdicts["verdict"].tolist()


@pytest.mark.parametrize("call", [kit.load_case, kit.read, kit.open_analysis])
def test_no_path_at_all_is_said(call: Any) -> None:
    with pytest.raises(KitError, match="empty"):
        call(None)
