"""What a page part is: escaped HTML that looks alike in JupyterLab and in the exported page, and as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup, escape

from kit.page import signs
from kit.page.clean import clean, flowing, short_name, visible
from kit.page.language import current, say, speaking, stored
from kit.page.when import duration, listed, listed_some, number, plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

PLOTLY = "application/vnd.plotly.v1+json"
CONFIG = {"config": {"displayModeBar": False, "responsive": True}}
NOTEBOOK_ONLY = {"kit": {"notebook_only": True}}


@cache
def asset(name: str) -> str:
    """The text of a file in kit/assets."""
    return resources.files("kit").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def style() -> str:
    """The style element that every part brings along, so that it looks right wherever it is shown.

    Each rule is made more specific than those that JupyterLab has for tables, lists and code in outputs.
    """
    return f"<style data-kit>{compact(asset('page.css')).replace('.kit ', '.kit.kit.kit ')}</style>"


def compact(css: str) -> str:
    """The style sheet without comments and line ends."""
    return re.sub(r"\s*\n\s*", "", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL))


@dataclass(frozen=True)
class Part:
    """One part of a page. Notebooks show `_repr_html_`; the exported page takes the same markup."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return f'{style()}<div class="kit mathjax_ignore tex2jax_ignore">{self.html}</div>'

    def __repr__(self) -> str:
        return visible(self.text)

    def __add__(self, other: Part) -> Part:
        return Part(self.html + other.html, f"{self.text}\n\n{other.text}")


@dataclass(frozen=True)
class Drawing:
    """A plotly figure with its caption, a text alternative and its numbers as a table.

    Notebooks show caption, figure and numbers below each other; the exported page makes one figure of them.
    """

    name: str
    spec: dict[str, Any]
    caption: str
    alternative: str
    numbers: str = ""
    heading: str = ""
    key: str = ""
    language: str = field(default_factory=lambda: current().code)

    @cached_property
    def figure(self) -> go.Figure:
        """The figure to go on working with in a notebook; what is not asked for is not made, which saves much time."""
        import plotly.graph_objects as go

        return go.Figure(self.spec)

    @property
    def drawn(self) -> dict[str, Any]:
        """What is shown: the figure as it was changed, else as it was made."""
        made: dict[str, Any] = self.figure.to_dict() if "figure" in vars(self) else self.spec
        return made | CONFIG

    def described(self) -> dict[str, Any]:
        """What the export needs beside the drawing itself."""
        words = ("name", "caption", "alternative", "numbers", "heading", "key")
        return {word: str(getattr(self, word)) for word in words}

    def _repr_html_(self) -> str:
        with speaking(self.language):
            return Part(render("drawing.html.j2", **self.described()), "")._repr_html_()

    def __repr__(self) -> str:
        return f"{say('Figure')}: {Markup(self.caption).striptags()}"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        with speaking(self.language):
            bundle = {PLOTLY: self.drawn, "text/plain": repr(self)}
            display(Part(render("drawing_top.html.j2", **self.described()), repr(self)), metadata=NOTEBOOK_ONLY)
            display(bundle, raw=True, metadata={"kit": self.described()})
            if self.numbers:
                display(Part(render("drawing_numbers.html.j2", **self.described()), "numbers"), metadata=NOTEBOOK_ONLY)


@dataclass(frozen=True)
class Parts:
    """Several parts and drawings that one call shows one after the other."""

    parts: Sequence[Part | Drawing]

    def _repr_html_(self) -> str:
        return "".join(part._repr_html_() for part in self.parts)

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.parts))

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for part in self.parts:
            display(part)


@cache
def environment() -> jinja2.Environment:
    """The templates of kit/assets/parts: everything is escaped, and cleaned of hostile characters."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("kit", "assets/parts"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        clean=clean, flowing=flowing, short_name=short_name, num=number, dur=duration, listed=listed,
        listed_some=listed_some, plural=plural, stored=stored,
    )  # fmt: skip
    made.globals.update(VERDICTS=signs.VERDICTS, CLASSES=signs.CLASSES, PATTERNS=signs.PATTERNS, ROLES=signs.ROLES)
    made.globals.update(say=_said, say_n=_said_n)
    return made


def _said(text: str, **values: Any) -> Markup:
    """`say` for templates: what is filled in is cleaned and escaped, markup is kept."""
    return Markup(escape(say(text))).format(**{name: _harmless(value) for name, value in values.items()})


def _said_n(count: int, one: str, many: str, **values: Any) -> Markup:
    """`say_n` for templates."""
    return _said(one if count == 1 else many, count=number(count), **values)


def _harmless(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def render(template: str, **values: Any) -> Markup:
    """The filled template of kit/assets/parts as markup."""
    return Markup(environment().get_template(template).render(**values))
