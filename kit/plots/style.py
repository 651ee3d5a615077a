"""The look of every figure: own template, colours by token, direct labels, no legend, no mode bar.

Figures are drawn in the light colours; the page replaces each by its token, so that dark mode and print follow.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from kit.page.clean import clean, label
from kit.page.language import marked, say
from kit.page.part import Drawing, render
from kit.page.when import When

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
TOKENS = {
    "paper": "#ffffff", "ink": "#1a1d21", "ink2": "#4b535d", "rule": "#d3d8de", "soft": "#f4f5f7",
    "accent": "#4b3f9e", "mark": "#eeecf8", "cnf": "#00795a", "sup": "#2f7fbf", "inc": "#7a7a7a", "con": "#c24e00",
    "non-ink": "#5d5d5d", "ph1": "#c3cad3", "ph2": "#56616f", "cover": "#8b96a3", "hatch": "#8d8d8d",
}
Interval = tuple[datetime, datetime]
LABELS = 13  # px of every label
HATCH = {"shape": "/", "size": 7, "solidity": 0.16, "fgcolor": TOKENS["hatch"], "bgcolor": TOKENS["paper"]}
MARKS: dict[str, dict[str, Any]] = {
    "benign_abort": {
        "symbol": "diamond-open", "size": 10, "color": TOKENS["sup"], "line": {"width": 1.6, "color": TOKENS["sup"]},
    },
    "genuine_failure": {
        "symbol": "diamond", "size": 11, "color": TOKENS["con"], "line": {"width": 1, "color": TOKENS["paper"]},
    },
    "other_requestor": {"symbol": "square", "size": 8, "color": TOKENS["ink2"]},
    "environment": {
        "symbol": "square-open", "size": 9, "color": TOKENS["ink2"], "line": {"width": 1.6, "color": TOKENS["ink2"]},
    },
    "unexplained": {
        "symbol": "triangle-up-open", "size": 10, "color": TOKENS["ink2"],
        "line": {"width": 1.6, "color": TOKENS["ink2"]},
    },
    "background_noise": {"symbol": "circle", "size": 4, "color": TOKENS["cover"]},
    "normal": {
        "symbol": "line-ns-open", "size": 6, "color": TOKENS["cover"], "line": {"width": 1, "color": TOKENS["cover"]},
    },
}
DAY, YEAR = marked("%-d %b"), marked("%-d %b\n%Y")


def time_stops() -> list[dict[str, Any]]:
    """What the ticks of a time axis say, by the distance between them."""
    return [
        {"dtickrange": [None, 1000], "value": "%H:%M:%S.%L"}, {"dtickrange": [1000, 60000], "value": "%H:%M:%S"},
        {"dtickrange": [60000, 86400000], "value": f"%H:%M\n{say(DAY)}"},
        {"dtickrange": [86400000, None], "value": say(YEAR)},
    ]


def template() -> dict[str, Any]:
    """The template of every figure, small enough to travel with each."""
    axis = {
        "showgrid": False, "zeroline": False, "showline": False, "ticks": "", "automargin": False,
        "tickfont": {"size": LABELS, "color": TOKENS["ink2"]},
        "title": {"font": {"size": LABELS, "color": TOKENS["ink2"]}},
    }
    return {
        "layout": {
            "font": {"family": FONT, "size": LABELS, "color": TOKENS["ink"]}, "paper_bgcolor": TOKENS["paper"],
            "plot_bgcolor": TOKENS["paper"], "showlegend": False,
            "margin": {"l": 150, "r": 12, "t": 26, "b": 44, "pad": 0}, "xaxis": axis, "yaxis": axis,
            "hoverlabel": {
                "bgcolor": TOKENS["paper"], "bordercolor": TOKENS["ink2"], "align": "left",
                "font": {"family": FONT, "size": LABELS, "color": TOKENS["ink"]},
            },
            "hovermode": "closest", "dragmode": "zoom", "bargap": 0.5, "barmode": "overlay",
        }
    }


def figure(traces: list[dict[str, Any]], layout: dict[str, Any]) -> dict[str, Any]:
    """A figure from plain traces and a layout, with the kit's template, as plotly's JSON has it."""
    said = {name: value for name, value in layout.items() if value != []}
    return {"data": traces, "layout": {"template": template(), **said}}


def time_axis(when: When, first: datetime, last: datetime, title: str, nticks: int = 10) -> dict[str, Any]:
    """The shared time axis: local to the report's zone, named, with ticks that follow the zoom."""
    words = "<br>".join(label(line, 120) for line in title.split("\n"))
    return {
        "type": "date", "range": [when.axis(first), when.axis(last)], "tickformatstops": time_stops(),
        "nticks": nticks, "tickangle": 0,
        "showgrid": True, "gridcolor": TOKENS["rule"], "gridwidth": 1, "hoverformat": say("%-d %b %H:%M:%S.%L"),
        "title": {"text": words, "standoff": 6, "font": {"size": LABELS, "color": TOKENS["ink2"]}},
    }


def wider(period: Interval) -> Interval:
    """The period with a little room on both sides, so that no mark stands on the edge."""
    pad = max((period[1] - period[0]) * 0.012, timedelta(seconds=30))
    return period[0] - pad, period[1] + pad


def hatched(when: When, gaps: list[tuple[datetime, datetime]], y: float, height: float, words: str) -> dict[str, Any]:
    """Bars that mark intervals without any surviving record: absence of evidence must be visible."""
    return {
        "type": "bar", "orientation": "h", "base": [when.axis(first) for first, _ in gaps],
        "x": [(last - first).total_seconds() * 1000 for first, last in gaps], "y": [y] * len(gaps), "width": height,
        "marker": {"color": TOKENS["paper"], "pattern": HATCH, "line": {"width": 0}},
        "hovertext": [words] * len(gaps), "hoverinfo": "text",
    }


def note(x: str | float, y: float, text: str, **more: Any) -> dict[str, Any]:
    """A direct label at a place of the figure, on a background of the paper's colour."""
    return {
        "x": x, "y": y, "text": text, "showarrow": False, "xanchor": "left", "yanchor": "middle", "align": "left",
        "bgcolor": TOKENS["paper"], "borderpad": 1, "font": {"size": LABELS, "color": TOKENS["ink2"]}, **more,
    }


def drawing(
    name: str, made: dict[str, Any], caption: str, alternative: str, heads: list[str], rows: list[list[str]],
    heading: str = "", key: str = "", total: int | None = None,
) -> Drawing:
    """A figure with its caption and its numbers as a table; `total` says how many rows there would be."""
    numbers = render("numbers.html.j2", heads=heads, rows=rows, total=len(rows) if total is None else total)
    said = Markup('<b class="fno" data-no="Figure"></b> {}').format(clean(caption, 900))
    return Drawing(name, made, said, alternative, numbers, heading, key)
