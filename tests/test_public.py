"""The public names: what `kit.__all__` says is importable and callable as documented, and nothing heavy loads early."""

from __future__ import annotations

import subprocess
import sys

import kit


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
