"""Remember how a runtime's instance was made, and by whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column; what there is was made under the hardened profile."""
    op.add_column(
        "runtimes",
        sa.Column("profile", sa.String(16), nullable=False, server_default="hardened"),
    )
