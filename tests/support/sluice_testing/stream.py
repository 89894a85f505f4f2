"""A byte stream that both ends can make and check: pseudo-random, and never the same twice within it."""
import hashlib
import random
import struct

BLOCK_SIZE = 256 * 1024
_base = random.Random(0x51CE).randbytes(BLOCK_SIZE - 8)


def pattern(size):
    """Blocks of `size` bytes in all; each block starts with its number, so lost or swapped ones change the sum."""
    for number in range((size + BLOCK_SIZE - 1) // BLOCK_SIZE):
        block = struct.pack(">Q", number) + _base
        yield block[:size - number * BLOCK_SIZE] if (number + 1) * BLOCK_SIZE > size else block


class Digest:
    """Size and SHA-256 of a stream."""

    def __init__(self):
        self.size, self._sha = 0, hashlib.sha256()

    def update(self, data):
        self.size += len(data)
        self._sha.update(data)

    def hex(self):
        return self._sha.hexdigest()


def pattern_digest(size, _cache={}):
    """The checksum that the whole stream of `size` bytes must have."""
    if size not in _cache:
        seen = Digest()
        for block in pattern(size):
            seen.update(block)
        _cache[size] = seen.hex()
    return _cache[size]
