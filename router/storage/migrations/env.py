"""Alembic's entry: runs the migrations on the connection that :mod:`router.storage.migrations` hands in."""

from __future__ import annotations

import importlib
from typing import Any, Literal

from alembic import context

from router.storage import migrations
from router.storage.base import Base, Moment
from router.storage.sealed import Sealed

for module in migrations.MODELS:
    importlib.import_module(module)


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A migration must not change with the code: it says what is in the database, not the type that we wrap it in."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.DateTime(timezone=True)"
    return "sa.Text()" if kind == "type" and isinstance(item, Sealed) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render,
    compare_type=True,
    transactional_ddl=True,
)
context.run_migrations()
