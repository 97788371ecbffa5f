"""Remember of which shared runtime something is one person's instance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column; what there is stands for itself."""
    op.add_column(
        "runtimes",
        sa.Column("seat_of", sa.String(32), nullable=False, server_default=""),
    )
