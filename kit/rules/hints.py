"""What a text must hold for a pattern to be found in it: a cheap test before the pattern itself.

Read off the pattern's own text. Only what is sure counts: a piece that stands outside every choice, or one piece out of
each branch of a choice. Where nothing is sure, there is no hint and the pattern is tried on every text.
"""

from __future__ import annotations

from collections.abc import Iterator

_PLAIN = frozenset(".-/:'\"()[]{}|+*?\\ ,;=<>!&%#@")  # signs that a backslash makes plain
_MOST = 3  # further sets of pieces; each costs a search of its own
_LEAST = 4  # weight of a piece: signs outside ASCII count double, as they are rarer


def hints(pattern: str) -> frozenset[str]:
    """Pieces of text, lower case, one of which everything that the pattern matches must hold; empty: none is sure."""
    found = _of_choice(pattern)
    return found if found and min(map(_weight, found)) >= _LEAST else frozenset()


def further(pattern: str) -> tuple[frozenset[str], ...]:
    """More sets of pieces, the longest first: of each of them everything that the pattern matches holds a piece."""
    branches = list(_branches(pattern))
    if len(branches) > 1:
        return ()
    best = hints(pattern)
    sets = {found for found in _parts(branches[0]) if found and found != best and "" not in found}
    return tuple(sorted(sets, key=lambda found: (-min(map(_weight, found)), len(found), sorted(found)))[:_MOST])


def _weight(piece: str) -> int:
    return sum(1 if sign.isascii() else 2 for sign in piece)


def _of_choice(pattern: str) -> frozenset[str]:
    branches = [_of_branch(branch) for branch in _branches(pattern)]
    return frozenset().union(*branches) if all(branches) else frozenset()


def _of_branch(branch: str) -> frozenset[str]:
    """The best sure piece, or set of pieces of an inner choice, of a branch without a choice of its own."""
    sure = [found for found in _parts(branch) if found and min(map(_weight, found)) >= _LEAST]
    return max(sure, key=lambda found: (min(map(_weight, found)) - len(found) // 2, sorted(found)), default=frozenset())


def _branches(pattern: str) -> Iterator[str]:
    start = place = 0
    while place < len(pattern):
        end = _token_end(pattern, place)
        if pattern[place] == "|":
            yield pattern[start:place]
            start = end
        place = end
    yield pattern[start:]


def _parts(branch: str) -> Iterator[frozenset[str]]:
    """Plain runs of a branch and the pieces of its inner groups, without those that may be absent."""
    run = ""
    place = 0
    while place < len(branch):
        end = _token_end(branch, place)
        token, after = branch[place:end], branch[end : end + 2]
        plain = _plain(token)
        absent = after[:1] in ("?", "*") or after == "{0"
        if plain and not absent:
            run += plain
        if not plain or absent or after[:1] in ("+", "{"):
            yield frozenset([run.lower()]) if run else frozenset()
            run = ""
        if token[0] == "(" and not absent and (inner := _inside(token)) is not None:
            yield _of_choice(inner)
        place = end
    yield frozenset([run.lower()]) if run else frozenset()


def _plain(token: str) -> str:
    """The sign that a token stands for; empty for classes, groups, anchors and quantifiers."""
    if len(token) == 2 and token[0] == "\\":
        return token[1] if token[1] in _PLAIN else ""
    return token if len(token) == 1 and token not in "^$.|?*+" else ""


def _inside(group: str) -> str | None:
    """The pattern inside a group; None for look-arounds and flags, which match no text."""
    body = group[1:-1]
    if not body.startswith("?"):
        return body
    if body.startswith("?:"):
        return body[2:]
    return body[body.index(">") + 1 :] if body.startswith("?P<") else None


def _token_end(pattern: str, place: int) -> int:
    """Where the sign, class, group or counted quantifier that begins here ends."""
    sign = pattern[place]
    if sign == "\\":
        return place + 2
    if sign == "[":
        return _class_end(pattern, place)
    if sign == "{" and (end := pattern.find("}", place)) > 0:
        return end + 1
    return _group_end(pattern, place) if sign == "(" else place + 1


def _class_end(pattern: str, place: int) -> int:
    place += 2 if pattern[place + 1] == "^" else 1
    place += pattern[place] == "]"
    while pattern[place] != "]":
        place += 2 if pattern[place] == "\\" else 1
    return place + 1


def _group_end(pattern: str, place: int) -> int:
    place += 1
    while pattern[place] != ")":
        place = _token_end(pattern, place)
    return place + 1
