"""``python -m hotline`` is the command ``hotline``."""

from hotline.cli import main

if __name__ == "__main__":
    main()
