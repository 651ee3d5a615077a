"""The words of several languages that `kit explain` reads: knowledge/words.toml, once."""

from __future__ import annotations

import tomllib
from typing import Any

from kit.rules import FOLDER
from kit.rules.wording import plain

WORDS: dict[str, Any] = tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))
LABELS: dict[str, str] = {plain(word).casefold(): name for name, words in WORDS["labels"].items() for word in words}
LEVELS: dict[str, str] = {word.casefold(): name for name, words in WORDS["levels"].items() for word in words}
