"""Pickles: known by their form and turned away, because to read one is to run whatever its writer wished.

The form is walked by `pickletools`, which executes nothing. An archive is turned away too: it may hold one, and
`torch.save` writes just that.
"""

from collections import deque
from pickletools import genops

ARCHIVE = b"PK\x03\x04"
PROTOCOL = b"\x80"


def is_pickle(content: bytes) -> bool:
    """Return whether the bytes are a pickle, or an archive that may hold one.

    Since protocol 2 a pickle says so with its first byte, and what follows its end is ignored by readers; an older
    one is plain letters, so that other text is one only if it ends where the pickle does.
    """
    if content.startswith(ARCHIVE):
        return True
    try:
        _, _, end = deque(genops(content), maxlen=1)[0]
    except ValueError:
        return False
    return content.startswith(PROTOCOL) or end == len(content.rstrip()) - 1
