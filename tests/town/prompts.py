"""Tells from a tape whether a prompt of the installation was heard, by holding the tape against the prompt's own samples."""

from __future__ import annotations

import numpy as np

from robots import ear, tones, wav
from robots.handset import Phone
from robots.town import Town
from telephony.speech import audio
from telephony.speech.pieces import Clip, Speech, Text
from telephony.speech.studio import Studio
from tests.town.look import Look

LIKE = 0.45
"""Share of a prompt's sound that must be in the tape at one place: 1 when it is all there, below 0.2 for other speech."""


class Prompts:
    """The prompts of one town, as its rooms play them."""

    def __init__(self, look: Look) -> None:
        self.town: Town = look.town
        settings = look.settings
        self._studio = Studio.configured(settings.installation, settings.prompts_dir, settings.data_dir / "cache")

    def samples(self, what: str | Speech, seconds: float = 3.0) -> wav.Samples:
        """The beginning of a prompt, by its name in the configuration or as a speech."""
        speech = (Clip(what),) if isinstance(what, str) else what
        found: wav.Samples = audio.read_clip(self._studio.render(speech))
        return found[: int(seconds * tones.RATE)]

    def text(self, words: str) -> Speech:
        return (Text(words),)

    def find(self, tape: ear.Recording, what: str | Speech, seconds: float = 3.0) -> float | None:
        """Seconds on the tape at which the prompt begins; None if it isn't there."""
        heard = (wav.load(tape) if not isinstance(tape, np.ndarray) else tape).astype(np.float64)
        sound = self.samples(what, seconds).astype(np.float64)
        if len(heard) < len(sound):
            return None
        size = 1 << (len(heard) + len(sound)).bit_length()
        product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size)), size)
        share = product[: len(heard) - len(sound) + 1] / np.dot(sound, sound)
        best = int(np.argmax(share))
        return best / tones.RATE if share[best] >= LIKE else None

    def hear(self, phone: Phone, what: str | Speech, *, call: int = 0, seconds: float = 1.5, patience: float = 25) -> float:
        """Wait until a phone has heard the first ``seconds`` of a prompt; when that began on its tape."""
        call = call or phone.newest()

        def look() -> tuple[float] | None:
            path = phone.tape(call)
            over = phone.seen("recorded", call=call)
            found = self.find(path, what, seconds) if path.exists() and path.stat().st_size > 44 else None
            if found is None and over:
                raise AssertionError(f"{phone.name} has not heard {what} but {ear.timeline(path, {})}")
            return None if found is None else (found,)

        began: tuple[float] = self.town.until(look, f"{phone.name} to hear {what}", patience)
        return began[0]
