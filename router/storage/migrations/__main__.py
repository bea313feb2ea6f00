"""Writes a new revision: ``python -m router.storage.migrations URL MESSAGE``, on a database at the newest one."""

from __future__ import annotations

import sys

from router.storage import migrations

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m router.storage.migrations URL MESSAGE")
    migrations.write_revision(sys.argv[1], sys.argv[2])
