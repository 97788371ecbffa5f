"""Remember which layers a runtime has over its environment."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns."""
    empty = sa.Column("base_digest", sa.String(100), nullable=False, server_default="")
    op.add_column("runtimes", empty)
    op.add_column("runtimes", sa.Column("layers", sa.Text))
