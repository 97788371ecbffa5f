"""Remember how many lines runs have, their labels, and that they are archived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("runs", sa.Column("lines", sa.Text))
    op.add_column("runs", sa.Column("labels", sa.Text))
    op.add_column("runs", sa.Column("archived_at", sa.String(32)))
    op.add_column("runs", sa.Column("source_run", sa.String(150)))
