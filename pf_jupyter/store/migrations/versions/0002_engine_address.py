"""Remember at which address a runtime's engine was reached.

A process that talks to another engine under the same name must not conclude that the
runtime is gone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; runtimes made before have an unknown address."""
    with op.batch_alter_table("runtimes") as table:
        table.add_column(
            sa.Column(
                "engine_address", sa.String(255), nullable=False, server_default=""
            )
        )
