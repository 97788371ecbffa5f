"""The first schema: settings, runtimes with their logs, runs.

Written out in full: a later change of the tables must not change what this made.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "settings",
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )
    op.create_table(
        "runtimes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("compute", sa.String(255), nullable=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("isolated", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
        sa.Column("phase", sa.String(16)),
        sa.Column("phase_since", sa.String(32)),
        sa.Column("environment_name", sa.String(255), nullable=False),
        sa.Column("environment_version", sa.String(64), nullable=False),
        sa.Column("environment_digest", sa.String(100), nullable=False),
        sa.Column("image", sa.Text, nullable=False),
        sa.Column("python", sa.String(255), nullable=False),
        sa.Column("instance", sa.String(255)),
        sa.Column("hostname", sa.String(255), nullable=False),
        sa.Column("network", sa.String(32), nullable=False),
        sa.Column("cpus", sa.Float),
        sa.Column("memory", sa.BigInteger),
        sa.Column("pids", sa.Integer),
        sa.Column("idle_minutes", sa.Float),
        sa.Column("error", sa.Text),
        sa.Column("started_at", sa.String(32)),
        sa.Column("last_used_at", sa.String(32)),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runtimes"),
        sa.UniqueConstraint("name", name="uq_runtimes_name"),
    )
    op.create_table(
        "runtime_log",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("runtime_id", sa.String(32), nullable=False),
        sa.Column("time", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("elapsed", sa.Float),
        sa.PrimaryKeyConstraint("id", name="pk_runtime_log"),
        sa.ForeignKeyConstraint(
            ["runtime_id"],
            ["runtimes.id"],
            name="fk_runtime_log_runtime_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_runtime_log_runtime_id", "runtime_log", ["runtime_id", "id"])
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(150), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("flow", sa.String(255), nullable=False),
        sa.Column("flow_path", sa.Text, nullable=False),
        sa.Column("runtime", sa.String(63), nullable=False),
        sa.Column("runtime_id", sa.String(32), nullable=False),
        sa.Column("environment_name", sa.String(255), nullable=False),
        sa.Column("environment_version", sa.String(64), nullable=False),
        sa.Column("environment_digest", sa.String(100), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("process", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("node", sa.String(255)),
        sa.Column("variant", sa.String(255)),
        sa.Column("inputs", sa.Text),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("duration_ms", sa.Float),
        sa.Column("hostname", sa.String(255), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("document", sa.Text),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_created_at", "runs", ["created_at"])
    op.create_index("ix_runs_status", "runs", ["status", "runtime_id"])
