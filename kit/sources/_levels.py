"""Levels of events in the words of many languages, and as the numbers of the old and the new API."""

from __future__ import annotations

_WORDS = {
    1: "critical kritisch critique crítico critico 重大 критический критическая критическое krytyczny krytyczne "
    "kritiek kritisk kritický 严重 關鍵 关键 嚴重 위험 kriittinen kritikus kritik κρίσιμο "
    "حرج วิกฤติ קריטי",
    2: "error fehler erreur errore erro エラー ошибка błąd błędy fout fel chyba 错误 錯誤 오류 virhe fejl feil hiba "
    "hata σφάλμα خطأ ข้อผิดพลาด שגיאה",
    3: "warning warnung avertissement advertencia avviso aviso 警告 предупреждение ostrzeżenie ostrzeżenia "
    "waarschuwing varning upozornění 경고 varoitus advarsel figyelmeztetés uyarı προειδοποίηση warn "
    "تحذير คำเตือน אזהרה",
    4: "information informationen informations información informazioni informações 情報 сведения уведомление "
    "informacje informatie informace 信息 資訊 정보 tiedot oplysninger informasjon információ bilgi πληροφορίες info "
    "معلومات ข้อมูล מידע",
    5: "verbose ausführlich commentaires détaillé detallado dettagliato detalhado 詳細 подробности подробно pełne "
    "uitgebreid utförligt podrobné 详细 詳細資訊 자세히 debug",
    0: "success failure none",
}
_LEVEL = {word: level for level, words in _WORDS.items() for word in words.split()}
_AUDITS = ("audit", "überwachung", "аудит", "inspekcj", "監査", "审核", "稽核", "감사")
# EventType of Win32_NTLogEvent, EventLogEntryType of Get-EventLog: error, warning, information, two kinds of audit.
WMI_TYPE = {1: 2, 2: 3, 3: 4, 4: 0, 5: 0}
ENTRY_TYPE = {1: 2, 2: 3, 4: 4, 8: 0, 16: 0}


def level_of(text: str | None) -> int | None:
    """The level that a word or digit of 0 to 5 names; audits are 0; None for words that are not known."""
    if not text:
        return None
    bare = text.strip().casefold()
    if bare.isdigit():
        return int(bare) if int(bare) <= 5 else None
    if any(word in bare for word in _AUDITS):
        return 0
    return _LEVEL.get(bare)


def knows(text: str) -> bool:
    """Whether the word names a level in some language."""
    return level_of(text) is not None
