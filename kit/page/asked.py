"""The question of case.toml, with what the report answers of it: nobody may take silence for an answer."""

from __future__ import annotations

import re

from kit.explain.words import WORDS
from kit.page.language import say

_TOPICS = re.compile(WORDS["asked"]["text"], re.IGNORECASE)
LONGEST = 4000


def answered(question: str | None) -> str | None:
    """What stands below the question: that it is not answered, or how far; None without a question.

    The kit cannot understand a question. It knows the words of its own subject (knowledge/words.toml); a question with
    none of them is not answered by this report, and one with such a word only so far as the sentence says.
    """
    if not question:
        return None
    if _TOPICS.search(question[:LONGEST]):
        return say(
            "Answered here: which recovery points are application-consistent, which one to fail over to, which errors "
            "of the guest are harmless. Nothing beyond that."
        )
    return say(
        "This question is not answered: it names nothing that the kit judges. Answered are only: which recovery points "
        "are application-consistent, which one to fail over to, which errors of the guest are harmless."
    )
