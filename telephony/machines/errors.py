"""Why a call refuses what it is asked."""


class Refused(Exception):
    """``code`` is stable, ``message`` says what is wrong, ``prompt`` is what the one who pressed a key hears."""

    def __init__(self, code: str, message: str, prompt: str = "transfer_failed") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.prompt = prompt
