"""What must lie in the data folder before the telephony service starts."""

from __future__ import annotations

from config import certificate
from config.secrets import Secrets
from config.settings import Settings
from hotline.errors import CommandError


def data_folder(settings: Settings) -> Secrets:
    """Make the folder, the server's secret, and in development a certificate and demo passwords (``created`` of what is
    returned: to be told once). Raises :class:`config.errors.ConfigError` for secrets that this installation refuses."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        secrets = Secrets.open(settings)
        _ = secrets.server
        certificate.ensure(settings)
    except OSError as error:
        raise CommandError(
            f"{settings.data_dir} can't be written ({error.strerror})", "let HOTLINE_DATA_DIR name a folder of your own"
        ) from error
    return secrets
