"""Signatures: made with the owner's key, checked with the public one, and broken by any change."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kit.audit import signature
from kit.audit.verify import verified
from kit.case import custody
from kit.errors import ParameterError, Unsupported

ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
PEM, SSH = "PEM", "OpenSSH"


def keys(folder: Path, form: str = PEM, password: bytes | None = None) -> tuple[Path, Path]:
    """A new pair of keys in files: private and public."""
    made = ed25519.Ed25519PrivateKey.generate()
    encodings, private, public = serialization.Encoding, serialization.PrivateFormat, serialization.PublicFormat
    lock: Any = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    kinds = (private.PKCS8, encodings.PEM, public.SubjectPublicKeyInfo)
    if form == SSH:
        kinds = (private.OpenSSH, encodings.OpenSSH, public.OpenSSH)
    paths = folder / f"{form}.key", folder / f"{form}.pub"
    paths[0].write_bytes(made.private_bytes(encodings.PEM, kinds[0], lock))
    paths[1].write_bytes(made.public_key().public_bytes(kinds[1], kinds[2]))
    return paths


@pytest.mark.parametrize("form", [PEM, SSH])
def test_a_signed_report_is_checked_with_the_public_key(sealed: Path, tmp_path: Path, form: str) -> None:
    private, public = keys(tmp_path, form)
    signature.sign(sealed, signature.private_key(private))
    text, sound = verified(sealed, None, False, key=public)
    assert sound and f"signed with the key {public}" in text
    assert "name the public key" in verified(sealed, None, False)[0]
    if form == PEM and shutil.which("openssl"):
        words = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", sealed / "manifest.json"]
        done = subprocess.run([*words, "-sigfile", sealed / "manifest.json.sig"], capture_output=True, check=False)
        assert b"Verified" in done.stdout, "anybody can check it without the kit"


@pytest.mark.parametrize("name", ["manifest.json", "ledger.jsonl", "manifest.json.sig", "ledger.jsonl.sig"])
def test_one_other_byte_breaks_it_and_is_named(sealed: Path, tmp_path: Path, name: str) -> None:
    private, public = keys(tmp_path)
    signature.sign(sealed, signature.private_key(private))
    content = bytearray((sealed / name).read_bytes())
    content[len(content) // 2] ^= 1
    (sealed / name).write_bytes(content)
    text, sound = verified(sealed, None, False, key=public)
    assert not sound and name in text


def test_a_report_sealed_again_by_somebody_else_is_found(sealed: Path, tmp_path: Path) -> None:
    private, public = keys(tmp_path)
    signature.sign(sealed, signature.private_key(private))
    (sealed / "report.html").write_text("<p>another answer</p>", encoding="utf-8")
    (sealed / "ledger.jsonl").unlink()
    custody.seal(sealed, tmp_path / "case", custody.evidence(tmp_path / "case"))
    assert verified(sealed, None, False)[1], "without the key nothing tells"
    assert not verified(sealed, None, False, key=public)[1]


def test_a_missing_signature_and_another_key_are_named(sealed: Path, tmp_path: Path) -> None:
    private, public = keys(tmp_path)
    text, sound = verified(sealed, None, False, key=public)
    assert not sound and "never signed, or removed" in text
    signature.sign(sealed, signature.private_key(private))
    (tmp_path / "other").mkdir()
    assert not verified(sealed, None, False, key=keys(tmp_path / "other")[1])[1]


def test_a_key_with_a_passphrase_takes_it_from_the_environment(
    sealed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, _ = keys(tmp_path, password=b"open sesame")
    with pytest.raises(ParameterError, match="KIT_SIGN_PASSWORD"):
        signature.private_key(private)
    monkeypatch.setenv("KIT_SIGN_PASSWORD", "wrong")
    with pytest.raises(ParameterError, match="is no private key that can be opened"):
        signature.private_key(private)
    monkeypatch.setenv("KIT_SIGN_PASSWORD", "open sesame")
    signature.sign(sealed, signature.private_key(private))


def test_what_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no key", encoding="utf-8")
    with pytest.raises(ParameterError, match="is no private key"):
        signature.private_key(tmp_path / "x")
    with pytest.raises(ParameterError, match="is no public key"):
        signature.public_key(tmp_path / "x")
    with pytest.raises(ParameterError, match=r"--sign .*gone"):
        signature.private_key(tmp_path / "gone")


def test_without_the_library_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("cryptography"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Unsupported, match="extra `sign`"):
        signature.public_key(tmp_path / "x")
