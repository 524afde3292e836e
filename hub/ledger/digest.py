"""Ids of any length as 16 bytes: exact enough for keys and sets, and small enough to hold millions of."""

from hashlib import blake2b

DIGEST_BYTES = 16


def digest(*parts: str) -> bytes:
    """128 bits of BLAKE2b over the parts, which must not contain NUL beyond the last one."""
    return blake2b("\0".join(parts).encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest()


def digest_of_bytes(*parts: bytes) -> bytes:
    """128 bits over the parts, each with its length."""
    state = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()
