"""The decision of the first screen: which point to fail over to now, and which points not to use."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kit.page.cards import says
from kit.page.language import stored
from kit.page.part import render
from kit.page.strip import guilty_databases
from kit.page.view import Point, Row, View
from kit.page.when import duration

NAMED = 3  # points that are named before the rest is counted


@dataclass(frozen=True)
class Avoided:
    """Points that must not be used for the same reason, with the databases that speak against them."""

    points: list[Point]
    databases: list[str]
    says: str


def choice(view: View, vm: str) -> Markup:
    """Fail over to ... / Do not use ..., side by side."""
    advice = next((row for row in view.rows("advice") if view.owner(row["vm_name"]) == vm), None)
    points = view.points_of(vm)
    contradicted = [point for point in reversed(points) if point.word == "contradicted"]
    avoided = _avoided(contradicted)
    unknown = [point for point in reversed(points) if point.word == "inconclusive"]
    return render(
        "choice.html.j2",
        target=_target(view, advice, "fail_over_to"),
        fallback=_target(view, advice, "fallback"),
        outside=bool(advice and advice["fail_over_to"]),
        loss=_loss(advice),
        reason=stored(advice["reason"]) if advice else "",
        points=points,
        fallback_loss=_fallback_loss(view, advice),
        avoided=avoided[:NAMED],
        more_avoided=len(contradicted) - sum(len(one.points) for one in avoided[:NAMED]),
        unknown=unknown[:NAMED],
        more_unknown=len(unknown[NAMED:]),
        all_unknown=bool(unknown) and all(point.word in ("inconclusive", "no_claim") for point in points),
    )


def _target(view: View, advice: Row | None, name: str) -> Point | None:
    return view.point_by_id.get(advice[name] or "") if advice else None


def _loss(advice: Row | None) -> str | None:
    return duration(advice["data_loss_s"]) if advice and advice["data_loss_s"] is not None else None


def _fallback_loss(view: View, advice: Row | None) -> str | None:
    target, fallback = _target(view, advice, "fail_over_to"), _target(view, advice, "fallback")
    if advice is None or advice["data_loss_s"] is None or not (target and fallback and target.time and fallback.time):
        return None
    return duration(advice["data_loss_s"] + (target.time - fallback.time).total_seconds())


def _avoided(points: list[Point]) -> list[Avoided]:
    made: dict[tuple[str, ...], Avoided] = {}
    for point in points:
        databases = guilty_databases(point)
        key = (says(point), *databases)
        made.setdefault(key, Avoided([], databases, says(point))).points.append(point)
    return list(made.values())
