"""Detached Ed25519 signatures of manifest and ledger, with the library `cryptography` (optional: extra `sign`).

The manifest holds the SHA-256 of every file of a report and of its evidence, so its signature stands for them all. A
signature is the 64 bytes that RFC 8032 defines; `openssl pkeyutl -verify -rawin` checks it without the kit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.case.custody import LEDGER, MANIFEST, SIGNATURES, Difference
from kit.errors import ParameterError, Unsupported

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SIGNED = dict(zip(SIGNATURES, (MANIFEST, LEDGER), strict=True))
PASSWORD = "KIT_SIGN_PASSWORD"


def private_key(file: Path) -> Ed25519PrivateKey:
    """The private Ed25519 key in a file (PEM or OpenSSH); its passphrase is taken from the variable KIT_SIGN_PASSWORD.

    Raises ParameterError naming the file for anything else, Unsupported without the library.
    """
    import os

    serialization, keys, wrong = _library()
    content = _read(file, "--sign")
    given = os.environ.get(PASSWORD)
    password = given.encode() if given else None
    opens = serialization.load_ssh_private_key if b"OPENSSH" in content else serialization.load_pem_private_key
    try:
        key = opens(content, password=password)
    except TypeError as error:
        said = "has a passphrase: set it in" if password is None else "has no passphrase: do not set"
        raise ParameterError(f"--sign {file}: {said} the variable {PASSWORD}") from error
    except wrong as error:
        raise ParameterError(f"--sign {file}: is no private key that can be opened: {_first(error)}") from error
    if not isinstance(key, keys.Ed25519PrivateKey):
        raise ParameterError(f"--sign {file}: is no Ed25519 key; make one: openssl genpkey -algorithm ed25519")
    return key


def public_key(file: Path) -> Ed25519PublicKey:
    """The public Ed25519 key in a file (PEM or OpenSSH). Raises ParameterError naming the file for anything else."""
    serialization, keys, wrong = _library()
    content = _read(file, "--key")
    opens = serialization.load_ssh_public_key if content.startswith(b"ssh-") else serialization.load_pem_public_key
    try:
        key = opens(content)
    except wrong as error:
        raise ParameterError(f"--key {file}: is no public key: {_first(error)}") from error
    if not isinstance(key, keys.Ed25519PublicKey):
        raise ParameterError(f"--key {file}: is no Ed25519 key")
    return key


def sign(folder: Path, key: Ed25519PrivateKey) -> None:
    """Signs manifest and ledger of a sealed report folder; nothing may be added to the ledger afterwards."""
    for signature, name in SIGNED.items():
        (folder / signature).write_bytes(key.sign((folder / name).read_bytes()))


def signed(folder: Path) -> bool:
    """Whether a report folder holds a signature."""
    return any((folder / name).is_file() for name in SIGNATURES)


def verify(folder: Path, key: Ed25519PublicKey) -> list[Difference]:
    """Every signature that is missing or was not made with this key over what lies there now."""
    from cryptography.exceptions import InvalidSignature

    found = []
    for signature, name in SIGNED.items():
        path = folder / signature
        if not path.is_file():
            found.append(Difference(signature, f"the signature of {name} is not there: never signed, or removed"))
            continue
        try:
            key.verify(path.read_bytes(), (folder / name).read_bytes())
        except InvalidSignature:
            found.append(Difference(signature, f"does not fit {name}: one of them was changed, or another key signed"))
        except FileNotFoundError:
            found.append(Difference(name, "is gone, its signature is there"))
    return found


def _library() -> tuple[Any, Any, tuple[type[Exception], ...]]:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError as error:
        raise Unsupported(
            "signatures need the library cryptography: install the kit with its extra `sign`, or `pip install "
            "cryptography`"
        ) from error
    return serialization, ed25519, (ValueError, UnsupportedAlgorithm)


def _read(file: Path, option: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ParameterError(f"{option} {file}: {error.strerror or error}") from error


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
