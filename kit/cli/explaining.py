"""The command that explains pasted events."""

from __future__ import annotations

import click

from kit.cli.given import given, lines_of, pair
from kit.cli.speaking import as_text, say
from kit.visible import json_visible


@click.command(short_help="What pasted events mean and what they support.")
@click.argument("file", required=False, default="-")
@click.option("--json", "as_json", is_flag=True, help="The explanation as JSON.")
@click.option("--host-state", help="What the host or the backup product reported.")
@click.option(
    "--context", "context", multiple=True, metavar="KEY=VALUE", help="requestor, host_os, guest_os or app; repeatable."
)
@click.option(
    "--jsonl", is_flag=True, help="One set of events for each input line, one explanation for each output line."
)
def explain(file: str, as_json: bool, host_state: str | None, context: tuple[str, ...], jsonl: bool) -> int:
    """Explains event text, event XML or JSON, ERRORLOG or SqlWriterLogger lines, an HRESULT or an OS error.

    FILE is a file, `-` for standard input, or the text itself where no such file exists.

    Example:  kit explain 0x800423f4
    """
    from kit import explain as knowledge

    known = dict(pair(entry) for entry in context)
    if jsonl:
        with lines_of(file) as lines:
            for line in knowledge.explain_jsonl(lines):
                say(json_visible(line))
        return 0
    made = knowledge.explain_text(given(file), host_state, known)
    say(as_text(made) if as_json else knowledge.rendered(made))
    return 0
