"""What can go wrong between a piece of speech and a WAV file that a room can play."""

from __future__ import annotations


class SpeechError(Exception):
    """Base of this package. ``code`` is stable for programs; the text says what to do; ``value`` is what offended."""

    code = "speech"

    def __init__(self, message: str, value: object = None) -> None:
        super().__init__(message)
        self.value = value


class UnknownClip(SpeechError):
    """A clip's name is neither a prompt id nor a WAV file under the prompts folder."""

    code = "speech.unknown_clip"


class ClipMissing(SpeechError):
    """A prompt names a WAV file that isn't there or can't be read."""

    code = "speech.clip_missing"


class UnfitClip(SpeechError):
    """A WAV file isn't 8 kHz, 16 bit, mono PCM."""

    code = "speech.unfit_clip"


class Unspeakable(SpeechError):
    """A text is too long, or nothing in it can be spoken."""

    code = "speech.unspeakable"


class EngineMissing(SpeechError):
    """The synthesiser's program isn't installed."""

    code = "speech.engine_missing"


class EngineFailed(SpeechError):
    """The synthesiser ended with an error, took too long, or made no sound."""

    code = "speech.engine_failed"


class NoSpace(SpeechError):
    """The cache folder's disk is full or not writable."""

    code = "speech.no_space"
