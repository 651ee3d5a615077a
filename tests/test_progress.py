"""Progress: what a person sees while something lasts."""

import io
import sys

import pytest

from kit import progress


def test_a_line_names_share_speed_time_left_and_item():
    assert progress.line("reading", "a.evtx", 25e6, 100e6, 10, "B") == "reading: 25%, 2.5 MB/s, 0:30 left  a.evtx"
    assert progress.line("cells", "", 3, 3, 6, "cell") == "cells: 100%, 0.5 cell/s"
    assert progress.line("nothing", "", 0, 0, 0, "B") == "nothing: 100%, 0.0 MB/s"


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (3600, "1:00:00"), (-5, "0:00")])
def test_durations(seconds, shown):
    assert progress.clock(seconds) == shown


def test_names_are_shortened_in_the_middle_and_cannot_steer_a_terminal():
    assert progress.shortened("short", 40) == "short"
    assert progress.shortened("folder/" + "x" * 100 + "/System.evtx", 20) == "folder…x/System.evtx"
    assert progress.shortened("a\x1b[31mb\nc", 40) == "a?[31mb?c"


class Pipe(io.StringIO):
    def isatty(self):
        return False


def test_a_pipe_gets_plain_lines_a_quiet_run_nothing(monkeypatch):
    pipe, now = Pipe(), [0.0]
    monkeypatch.setattr(sys, "stderr", pipe)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.meter("reading", 100, "B") as meter:
        meter.begin("a.evtx")
        now[0] = 5.0
        meter.advance(50)
    assert pipe.getvalue() == "reading: 50%, 0.0 kB/s, 0:05 left  a.evtx\n"
    with progress.meter("reading", 100, quiet=True) as meter:
        now[0] = 10.0
        meter.advance(100)
    assert pipe.getvalue().count("\n") == 1


def test_a_terminal_gets_a_bar_with_the_name_of_the_file(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.meter("reading evidence", 4e6, "B") as meter:
        bar = meter._bar
        bar.delay, bar.mininterval, bar.miniters = 0, 0, 0
        meter.begin("guest/Application.evtx")
        meter.advance(1e6)
        bar.refresh()
    shown = terminal.getvalue()
    assert "25%" in shown and "guest/Application.evtx" in shown and "B/s" in shown


def test_work_in_a_notebook_is_known_by_its_shell():
    assert progress.in_notebook() is False


def test_steps_have_no_speed_because_no_two_last_as_long() -> None:
    assert progress.line("report", "writing the page", 4, 5, 20.0, progress.STEP) == (
        "report: 80%, 0:05 left  writing the page"
    )
