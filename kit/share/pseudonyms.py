"""Names that identify people and machines, and what stands for them in a shared copy.

The same name has the same pseudonym in every table, text and file of a case, in capitals or not; the key and the map
stay with the analyst and turn the copy back (`kit reveal`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kit.share.encodings import BASE64, unpacked, written
from kit.share.own_words import is_own
from kit.share.patterns import (
    ACCOUNT,
    FQDN,
    PATTERNS,
    PROFILE,
    PUBLIC_PROFILES,
    SHARE,
    WORD_PAIR,
    canonical,
    counts,
    public_host,
)

LONG = 5  # letters from which a name is found inside longer words too
KNOWN = frozenset({
    "master", "model", "msdb", "tempdb", "mssqlsystemresource", "mssqlserver", "sqlexpress", "ntds", "ese", "none",
    "unknown", "localhost", "global", "local", "nt authority", "nt service", "builtin", "system", "administrator",
    "workgroup", "sa", "nt virtual machine", "autorite nt", "nt-autorität", "information store",
    "window manager", "font driver host",
})  # fmt: skip
KINDS = ("VM", "DB", "INST", "HOST", "DOMAIN", "USER", "ID", "SID", "IP", "MAC", "MAIL", "URL", "PATH", "FILE", "TERM")
_FIRSTS = "".join(sorted({kind[0] for kind in KINDS}))
TOKEN = re.compile(rf"(?i:(?=[{_FIRSTS}])\b(?:{'|'.join(KINDS)})-[0-9a-f]{{6,}}\b)")
LONGEST = 200  # letters of a name that are compared; what follows in a longer one is nobody's name
_BY_PATTERN = ("ID", "SID", "IP", "MAC", "MAIL", "URL", "PATH")  # kinds that their pattern finds wherever they stand
_GENERIC = frozenset({"corp", "www", "mail", "intern", "internal", "example", "domain", "site"})
Form = tuple[str, str]  # the first letter that it matches, and the pattern
_WITH_COUSINS = frozenset("isk")  # equal letters outside ASCII without regard to case
_BARE_ID = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{32}(?![0-9A-Za-z])")


def folded(name: str) -> str:
    """The name as it is looked up: composed, without regard to case."""
    return unicodedata.normalize("NFC", name.strip()).lower()


@dataclass
class Names:
    """Every name that is replaced, and how; `pseudonyms` maps the folded original."""

    key: bytes
    keep: frozenset[str] = frozenset()
    pseudonyms: dict[str, str] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    spellings: dict[str, set[str]] = field(default_factory=dict)
    held: bool = False  # names found on the way are looked for in the next pass only
    _aliases: dict[str, str] = field(default_factory=dict)
    _patterns: tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]] | None = None

    def add(self, kind: str, name: Any) -> None:
        """Takes a name up, unless it is generally known, empty, to be kept, or a pseudonym already."""
        if not isinstance(name, str) or not name.strip():
            return
        text, lower = name.strip(), folded(name)
        if lower in KNOWN or lower in self.keep or text in self.originals:
            return
        if text not in self.spellings.setdefault(lower, set()):
            self.spellings[lower].add(text)
            if not self.held:
                self._patterns = None
        if lower not in self.pseudonyms:
            made = self._made(kind, lower)
            self.pseudonyms[lower], self.originals[made], self.kinds[lower] = made, text, kind

    def host(self, name: str) -> None:
        """Takes a computer up; of a name with a domain machine and domain apart, so that both are found alone too."""
        head, dot, domain = name.strip().partition(".")
        if not dot or PATTERNS["IP"].fullmatch(name.strip()):
            self.add("HOST", name)
            return
        self.add("HOST", head)
        self.add("HOST", head[:15])  # NetBIOS knows no more letters
        self.domain(domain)

    def domain(self, domain: str) -> None:
        """Takes a domain up, and the word of it that is its NetBIOS name."""
        self.add("DOMAIN", domain)
        for label in domain.split(".")[:-1]:
            if len(label) > 2 and label.lower() not in _GENERIC:
                self.add("DOMAIN", label)

    def _made(self, kind: str, lower: str) -> str:
        digest = hmac.new(self.key, f"{kind}:{lower}".encode(), hashlib.sha256).hexdigest()
        if kind == "ID" and PATTERNS["ID"].fullmatch(lower):
            return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
        if kind == "ID":
            return digest[: max(12, len(lower))]
        size = 6
        while f"{kind}-{digest[:size]}" in self.originals:
            size += 2
        return f"{kind}-{digest[:size]}"

    def exact(self, kind: str, value: str) -> str:
        """What stands for a whole cell that is a name; a name with a domain is replaced part by part."""
        return self.pseudonyms.get(folded(value)) or self.text(value)

    def text(self, value: str) -> str:
        """The text with every known name, and every address, account, id, path and host, replaced."""
        made = self.compounds.sub(self._known, value) if self.pseudonyms else value
        for kind, pattern in PATTERNS.items():
            made = pattern.sub(self._found(kind), made)
        if "." in made:
            made = FQDN.sub(self._host, made)
        if "\\" in made:
            made = WORD_PAIR.sub(self._member, ACCOUNT.sub(self._account, made))
        made = _BARE_ID.sub(self._bare_id, made)
        made = BASE64.sub(self._packed, made)
        return self.pattern.sub(self._token, made) if self.pseudonyms else made

    def _found(self, kind: str) -> Callable[[re.Match[str]], str]:
        def replaced(found: re.Match[str]) -> str:
            text = found[0].rstrip(".") if kind in ("PATH", "URL") else found[0]
            if self._is_pseudonym(text) or not counts(kind, text):
                return found[0]
            name = canonical(text) if kind == "PATH" else text
            if kind == "PATH":
                self._of_path(name)
            self.add(kind, name)
            return self.pseudonyms.get(folded(name), text) + found[0][len(text):]

        return replaced

    def _of_path(self, path: str) -> None:
        """Takes up what a path tells beside itself: whose profile, which server, and the name of its file."""
        if (found := PROFILE.match(path)) and (owner := found[1] or found[2]).lower() not in PUBLIC_PROFILES:
            self.add("USER", owner)
        if (found := SHARE.match(path)) and not PATTERNS["IP"].fullmatch(found[1]):
            self.host(found[1])
        file = re.split(r"[\\/]", path)[-1]
        stem, dot, _ = file.rpartition(".")
        if dot and len(stem) >= LONG and not is_own(stem):
            self.add("FILE", file)

    def _is_pseudonym(self, text: str) -> bool:
        return text in self.originals or any(part in self.originals for part in re.split(r"[\\/.@]", text))

    def _host(self, found: re.Match[str]) -> str:
        if public_host(found[0]) or self._is_pseudonym(found[0]):
            return found[0]
        self.host(found[0])
        domain = found[2].removeprefix(".")
        if folded(found[1]) in self.pseudonyms and folded(domain) in self.pseudonyms:
            return f"{self.pseudonyms[folded(found[1])]}.{self.pseudonyms[folded(domain)]}"
        return found[0]

    def _account(self, found: re.Match[str]) -> str:
        domain, user = found[1], found[2]
        if self._is_pseudonym(found[0]) or folded(domain) in KNOWN or len(domain) == 1:
            return found[0]
        if self.kinds.get(folded(domain)) in ("INST", "VM", "DB", "HOST"):
            return found[0]
        self.add("DOMAIN", domain)
        self.add("USER", user)
        return "\\".join(self.pseudonyms.get(folded(word), word) for word in (domain, user))

    def _member(self, found: re.Match[str]) -> str:
        """An account of a domain that is known as one, wherever it stands."""
        if self.kinds.get(folded(found[1])) != "DOMAIN" or found[2] in self.originals:
            return found[0]
        self.add("USER", found[2])
        return "\\".join(self.pseudonyms.get(folded(word), word) for word in found.groups())

    def _bare_id(self, found: re.Match[str]) -> str:
        """A known id written without its hyphens."""
        digits = found[0].lower()
        whole = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        return self.pseudonyms.get(whole, found[0]).replace("-", "") if whole in self.pseudonyms else found[0]

    def _token(self, found: re.Match[str]) -> str:
        """A pseudonym stays; what only looks like one is searched for names."""
        if found["token"] is None:
            return self._known(found)
        if found[0] in self.originals:
            return found[0]
        return self.pseudonyms.get(folded(found[0])) or self.words.sub(self._known, found[0])

    def _packed(self, found: re.Match[str]) -> str:
        """Base64 that says a known name goes as a whole."""
        if len(found[0]) < 12 or not any(self.words.search(text) for text in unpacked(found[0])):
            return found[0]
        self.add("TERM", found[0])
        return self.pseudonyms[folded(found[0])]

    def _known(self, found: re.Match[str]) -> str:
        name = folded(found[0])
        name = name if name in self.pseudonyms else self._aliases.get(name, name)
        if name not in self.pseudonyms:  # letters that equal each other only without regard to case
            self.add("TERM", found[0])
        return self.pseudonyms.get(name, found[0])

    def refresh(self) -> None:
        """Takes names that were found on the way into the patterns."""
        self._patterns = None

    @property
    def pattern(self) -> re.Pattern[str]:
        """Pseudonyms, as group `token`, before all known names."""
        return self._compiled()[0]

    @property
    def words(self) -> re.Pattern[str]:
        """All known names but those of a kind that has a pattern, the longest first."""
        return self._compiled()[1]

    @property
    def compounds(self) -> re.Pattern[str]:
        """Known names that hold an address, an account or an id: they go as a whole before their parts are looked for.

        What a part leaves of such a name (`Miller 10.1.2.3` without its address) would be found by nothing else.
        """
        return self._compiled()[2]

    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        if self._patterns is None:
            listed = sorted(
                (name for name in self.pseudonyms if self.kinds[name] not in _BY_PATTERN),
                key=lambda name: (-len(name), name),
            )
            words = self._any(listed)
            token = rf"(?P<token>{TOKEN.pattern}|{PATTERNS['ID'].pattern})"
            compounds = self._any([name for name in listed if _has_parts(name)])
            self._patterns = re.compile(f"{token}|{words}"), re.compile(words), re.compile(compounds)
        return self._patterns

    def _any(self, names: Iterable[str]) -> str:
        return by_first_letter(form for name in names for form in self._forms(name))

    def forms(self, name: str) -> list[str]:
        """How a name is looked for: short ones and ordinary words only as they were spelled, long ones in words too."""
        return [form for _, form in self._forms(name)]

    def _forms(self, name: str) -> list[Form]:
        spelled = sorted({text[:LONGEST] for text in self.spellings[name]})
        if len(name) == 1:
            return [(text[0], rf"(?<=['\"\[]){re.escape(text)}(?=['\"\]])") for text in spelled]
        if len(name) == 2 or is_own(name):
            quoted = rf"(?<=['\"\[])(?i:{re.escape(name)})(?=['\"\]])"
            return [(name[0], quoted), *((text[0], form) for text in spelled for form in _spelled(text))]
        edge = ("", "") if len(name) >= LONG else (r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])")
        self._aliases |= {folded(form): name for text in spelled for form in written(text)}
        spelled += [form for text in spelled for form in written(text)]
        composed = {unicodedata.normalize(form, text) for text in (name[:LONGEST], *spelled) for form in ("NFC", "NFD")}
        return [(text[0], f"{edge[0]}(?i:{re.escape(text)}){edge[1]}") for text in sorted(composed)]

    def counts(self) -> dict[str, int]:
        """How many names of each kind were replaced; says nothing of the names."""
        return dict(sorted(Counter(self.kinds.values()).items()))

    def as_map(self) -> str:
        """The map that turns the copy back, as JSON; it stays with the analyst."""
        names = {made: self.originals[made] for made in sorted(self.originals)}
        return json.dumps({"key": self.key.hex(), "names": names}, indent=1, ensure_ascii=False) + "\n"


def by_first_letter(forms: Iterable[Form]) -> str:
    """A pattern for any of the forms, the first that fits: what no form begins with is passed over at once.

    Forms whose first letters may equal each other without regard to case stand together, in their order: what decides
    between two forms that fit the same place is still which of them comes first.
    """
    alike: dict[str, list[Form]] = {}
    for first, form in forms:
        letter = first.lower()
        alike.setdefault(letter if letter.isascii() and letter not in _WITH_COUSINS else "", []).append((first, form))
    return "|".join(map(_group, alike.values())) or r"(?!)"


def _group(forms: list[Form]) -> str:
    letters = "".join(sorted({re.escape(first) for first, _ in forms}))
    return f"(?=(?i:[{letters}]))(?:{'|'.join(form for _, form in forms)})"


def _has_parts(name: str) -> bool:
    """Whether something that is replaced wherever it stands is a part of this name, and not all of it."""
    patterns = (*PATTERNS.values(), FQDN, ACCOUNT, WORD_PAIR)
    return any(one.search(name) for one in patterns) and not any(one.fullmatch(name) for one in patterns)


def _spelled(text: str) -> Iterable[str]:
    """An exact spelling, standing alone; a long one with capitals also as a part of a word written LikeThis."""
    word = re.escape(text)
    yield rf"(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])"
    if len(text) >= LONG and text[0].isupper() and not text.isupper():
        yield rf"{word}(?![a-z])"
        yield rf"(?<![A-Za-z]){word}"
