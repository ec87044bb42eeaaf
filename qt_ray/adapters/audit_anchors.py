"""Audit anchors: links of the audit chain, signed and kept where whoever can edit the log need not be able to write.

The signature is Ed25519: the fund signs with a key that only it can read, and anybody verifies with the public one. An
anchor that its key did not sign proves nothing and is named.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from qt_ray.adapters.files import write_atomic
from qt_ray.core.codec import canonical, decode
from qt_ray.core.errors import Invalid, Retryable
from qt_ray.core.restore import restore
from qt_ray.governance.audit_chain import Anchor, Head

FILE: Final = "anchors.jsonl"
PUBLIC: Final = "audit.pub"
KEY_BYTES: Final = 32


class AuditAnchors:
    """The anchors of one fund in a folder of their own, signed with the key in a file of its own."""

    def __init__(self, folder: Path, key: Path) -> None:
        """Open the anchors in `folder`; a key that is not there yet is made, for this user alone."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE
        self._key = _key_in(key)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        shown = folder / PUBLIC
        if not shown.exists():
            write_atomic(shown, public.hex().encode())
        elif shown.read_text().strip() != public.hex():
            raise Invalid(f"{PUBLIC}: anchors are signed with the key that began them, {key.name} is another")

    def hold(self, head: Head, at_ms: int) -> Anchor:
        """Return the signed anchor of a head, durable."""
        plain = Anchor(head.sequence, head.link, at_ms)
        held = Anchor(head.sequence, head.link, at_ms, self._key.sign(plain.signed_bytes()).hex())
        try:
            with self._path.open("ab") as target:
                target.write(canonical(held) + b"\n")
                target.flush()
                os.fdatasync(target.fileno())
        except OSError as error:
            raise Retryable(f"{FILE}: an anchor is durable, {error.strerror or error}") from error
        return held


def anchors_in(folder: Path) -> Iterator[Anchor]:
    """Yield every anchor in `folder` that its public key vouches for; Invalid names one that it does not."""
    path = folder / FILE
    if not path.exists():
        return
    public = Ed25519PublicKey.from_public_bytes(_bytes_of(folder / PUBLIC))
    with path.open("rb") as source:
        for number, data in enumerate(source, start=1):
            if not data.endswith(b"\n"):  # a crash cut it short: it was never promised
                return
            anchor = restore(Anchor, decode(data), f"{FILE}:{number}")
            try:
                public.verify(bytes.fromhex(anchor.signature), anchor.signed_bytes())
            except (InvalidSignature, ValueError) as error:
                raise Invalid(f"{FILE}:{number}: an anchor is signed by the fund, this one is not") from error
            yield anchor


def _key_in(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as target:
            target.write(made.hex().encode())
            target.flush()
            os.fsync(target.fileno())
    if path.stat().st_mode & 0o077:
        raise Invalid(f"{path.name}: a key is readable by its owner only, mode was {path.stat().st_mode & 0o777:o}")
    return Ed25519PrivateKey.from_private_bytes(_bytes_of(path))


def _bytes_of(path: Path) -> bytes:
    try:
        found = bytes.fromhex(path.read_text().strip())
    except (ValueError, FileNotFoundError) as error:
        raise Invalid(f"{path.name}: a key is {2 * KEY_BYTES} hexadecimal digits, {error}") from error
    if len(found) != KEY_BYTES:
        raise Invalid(f"{path.name}: a key is {2 * KEY_BYTES} hexadecimal digits, had {2 * len(found)}")
    return found
