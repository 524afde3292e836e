"""Takes a configuration's secrets out of what an endpoint answers: many repeat the path or headers they were sent."""

import re
from urllib.parse import unquote

_SHORTEST = 4  # what is shorter protects nothing, and is part of ordinary words
_WORD = re.compile(rf"[^\s/\\?&=:;,.@\"'<>(){{}}\[\]]{{{_SHORTEST},}}")
_HIDDEN = "(secret)"


class Mask:
    """Hides every word of the secrets, as it is and percent-decoded. Rather too much than too little."""

    def __init__(self, *secrets: str) -> None:
        spellings = {spelling for secret in secrets for spelling in (secret, unquote(secret))}
        words = {word for spelling in spellings for word in _WORD.findall(spelling)}
        longest_first = sorted(words, key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, longest_first))) if words else None

    def __call__(self, text: str) -> str:
        return text if self._words is None else self._words.sub(_HIDDEN, text)
