"""Code pages of text in single bytes: that of a declared culture, that of a console, or the one that the bytes show."""

from __future__ import annotations

import re

_CODE_PAGES = {  # ANSI code page of a culture's language, where it is not cp1252
    "cs": "cp1250", "hr": "cp1250", "hu": "cp1250", "pl": "cp1250", "ro": "cp1250",
    "sk": "cp1250", "sl": "cp1250",
    "be": "cp1251", "bg": "cp1251", "mk": "cp1251", "ru": "cp1251", "uk": "cp1251",
    "el": "cp1253", "tr": "cp1254", "he": "cp1255", "ar": "cp1256", "fa": "cp1256",
    "et": "cp1257", "lt": "cp1257", "lv": "cp1257", "vi": "cp1258",
    "th": "cp874", "ja": "cp932", "ko": "cp949", "zh-cn": "cp936", "zh-sg": "cp936", "zh": "cp950",
}  # fmt: skip


_OEM_PAGES = {  # code page of the console, where it is not cp850
    "cs": "cp852", "hr": "cp852", "hu": "cp852", "pl": "cp852", "ro": "cp852", "sk": "cp852", "sl": "cp852",
    "be": "cp866", "bg": "cp866", "ru": "cp866", "uk": "cp866", "el": "cp737", "tr": "cp857", "en-us": "cp437",
}  # fmt: skip
# Letters of western languages in cp850 that are no letters in cp1252, or hardly ever stand between letters there.
_OEM_LETTERS = re.compile(rb"(?<=[A-Za-z])[\x81\x82\x84\x87\x88\x8a\x94\xa1-\xa4](?=[A-Za-z])|\x81|\x8e(?=[a-z])|\xc6o")
_ANSI_LETTERS = re.compile(rb"(?!\xc6o)[\xc0-\xe0\xe2-\xff]|(?<=[A-Za-z])[\x92\xdf\xe1](?=[A-Za-z])")
_LEAST = 12  # bytes beyond ASCII from which on a guess is made
_RUN = re.compile(rb"[\x80-\xff]+")
_KANA = re.compile("[\u3041-\u30fe]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_CYRILLIC = re.compile("[\u0430-\u044f\u0451]")


def code_page(culture: str | None) -> str:
    """Name of the ANSI code page of a culture such as ru-RU; cp1252 where none is known."""
    name = (culture or "").lower()
    return _CODE_PAGES.get(name) or _CODE_PAGES.get(name.split("-")[0]) or "cp1252"


def single_bytes(raw: bytes, culture: str | None) -> str:
    """The code page of text in single bytes: that of the console where its letters are those of redirected output.

    `vssadmin list writers > writers.txt` writes umlauts as the console knows them. Without a declared culture Russian,
    Japanese, Chinese and Korean are told by their bytes; other languages whose ANSI code page is not cp1252 are told by
    their culture alone.
    """
    if culture is None and (guessed := guess(raw)):
        return guessed
    page = code_page(culture)
    if page != "cp1252" or len(_OEM_LETTERS.findall(raw)) <= len(_ANSI_LETTERS.findall(raw)):
        return page
    name = (culture or "").lower()
    return _OEM_PAGES.get(name) or _OEM_PAGES.get(name.split("-")[0]) or "cp850"


def guess(raw: bytes) -> str | None:
    """The code page of a script that no western text looks like; None where the bytes show none."""
    runs = _RUN.findall(raw)
    count = sum(map(len, runs))
    if count < _LEAST:
        return None
    if _is_japanese(raw, count):
        return "cp932"
    if sum(len(run) % 2 == 0 for run in runs) >= 0.95 * len(runs):
        return _of_pairs(runs)
    if 2 * sum(len(run) for run in runs if len(run) >= 3) > count and (page := _cyrillic(raw, count)):
        return page
    return "cp950" if _is_traditional(raw) else None


def _is_japanese(raw: bytes, count: int) -> bool:
    text = raw.decode("cp932", "replace")
    kana, half, wrong = len(_KANA.findall(text)), len(_HALF_KANA.findall(text)), text.count("\ufffd")
    return 8 * kana >= count and kana > 2 * half and 20 * wrong <= count


def _of_pairs(runs: list[bytes]) -> str | None:
    """Korean or simplified Chinese: two bytes each, the frequent ones with their first byte in a narrow range."""
    leads = [lead for run in runs for lead in run[::2]]
    hangul = sum(0xB0 <= lead <= 0xC8 for lead in leads)
    frequent = sum(0xB0 <= lead <= 0xD7 or 0xA1 <= lead <= 0xA3 for lead in leads)
    if 20 * hangul >= 17 * len(leads):
        return "cp949"
    return "cp936" if 4 * frequent >= 3 * len(leads) else None


def _cyrillic(raw: bytes, count: int) -> str | None:
    found = {page: len(_CYRILLIC.findall(raw.decode(page, "replace"))) for page in ("cp1251", "cp866")}
    page = max(found, key=lambda name: found[name])
    return page if 2 * found[page] > count else None


def _is_traditional(raw: bytes) -> bool:
    """Traditional Chinese: pairs whose second byte may be ASCII, most of them among the frequent characters."""
    try:
        text = raw.decode("cp950")
    except UnicodeDecodeError:
        return False
    wide = [one.encode("cp950") for one in text if ord(one) > 127]
    return 10 * sum(0xA1 <= pair[0] <= 0xC6 for pair in wide) >= 9 * len(wide)
