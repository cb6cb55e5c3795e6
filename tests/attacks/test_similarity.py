"""The limit on sentence similarity."""

from __future__ import annotations

import numpy as np
from robustrank.attacks.parts.similarity import WINDOW, similar

from robustrank.text.words import words

VALUES = {"near": 0.9, "far": 0.5}


class Encoder:
    """Embeds a text at the cosine of the lowest of its words."""

    def __init__(self):
        self.texts = []

    def embed(self, texts):
        self.texts += texts
        cosines = {text: min((VALUES.get(word.key, 1.0) for word in words(text)), default=1.0) for text in texts}
        return {text: np.array([cosine, np.sqrt(1 - cosine**2)], dtype=np.float32) for text, cosine in cosines.items()}


def test_substitutes_below_the_limit_leave_and_windows_have_fifteen_words():
    text = " ".join(f"w{i}" for i in range(40)) + "."
    encoder = Encoder()
    kept = similar(text, words(text), {0: ("far",), 20: ("far", "near"), 39: ("near",)}, encoder, 0.9 - 1e-6)
    assert kept == {20: ("near",), 39: ("near",)}
    assert max(len(words(text)) for text in encoder.texts) == WINDOW
    assert "w13 w14 w15 w16 w17 w18 w19 near w21 w22 w23 w24 w25 w26 w27" in encoder.texts
    assert "w32 w33 w34 w35 w36 w37 w38 near" in encoder.texts
    assert similar(text, words(text), {}, encoder, 0.9) == {}
