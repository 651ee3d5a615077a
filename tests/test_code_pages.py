"""Scripts told by their bytes alone, and western texts that must not be taken for one."""

import pytest

from kit import code_pages, text

RUSSIAN = "Имя составителя: 'SqlServerWriter' Состояние: [8] Сбой Последняя ошибка: Неустранимая ошибка"
JAPANESE = "ライター名: 'SqlServerWriter' 状態: [8] 失敗 最後のエラー: 再試行不可能なエラー"
SIMPLIFIED = "编写器名称: 'SqlServerWriter' 状态: [8] 失败 上一个错误: 无法重试的错误"
TRADITIONAL = "寫入器名稱: 'SqlServerWriter' 狀態: [8] 失敗 上次發生的錯誤: 無法重試的錯誤"
KOREAN = "기록기 이름: 'SqlServerWriter' 상태: [8] 실패 마지막 오류: 다시 시도할 수 없는 오류"
WESTERN = {
    "de": "Verfassername: Zeitüberschreitung, Prüfung für Größe und Maß geändert, Öffnen über Änderungen",
    "fr": "Dernière erreur: non renouvelable, déjà créé à l'arrêt, numéro répété, événement généré, reçu",
    "es": "Último error: operación no admitida, instantánea, búsqueda, año, señal, configuración, conexión, página",
    "pt": "Último erro: operação não permitida, configuração, instância, cópia, serviço, gravação, conexão, versão",
    "sv": "Senaste fel: åtgärden kunde inte utföras, återställning, säkerhetskopia, tjänsten är avstängd, öppna filen",
}


@pytest.mark.parametrize(
    ("written", "page"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "cp866"),
        (JAPANESE, "cp932"),
        (SIMPLIFIED, "cp936"),
        (TRADITIONAL, "cp950"),
        (KOREAN, "cp949"),
    ],
)
def test_a_script_is_told_by_its_bytes(written, page):
    raw = written.encode(page)
    assert code_pages.guess(raw) == page
    assert text.decode(raw)[0] == written


@pytest.mark.parametrize("page", ["cp1252", "cp850"])
@pytest.mark.parametrize("language", WESTERN)
def test_western_texts_show_no_other_script(language, page):
    raw = WESTERN[language].encode(page)
    assert code_pages.guess(raw) is None
    assert text.decode(raw)[0] == WESTERN[language]


def test_a_declared_culture_counts_more_than_the_bytes():
    assert text.decode(RUSSIAN.encode("cp866"), "de-DE")[1] != "cp866"


@pytest.mark.parametrize("raw", [b"", b"plain", bytes(range(128, 256)), b"\xff" * 40, b"\x80" * 40])
def test_bytes_of_nothing_show_nothing_and_do_not_fail(raw):
    assert code_pages.guess(raw) in (None, "cp936", "cp949", "cp950")
    text.decode(raw)
