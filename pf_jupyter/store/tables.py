"""The tables of the newest schema, for statements; migrations make them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import BigInteger

HEAD = "0011"
"""The revision of this schema; a test holds it against the migration scripts."""

# SQLite numbers rows by itself only when the key is called INTEGER
_ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

settings = Table(
    "settings",
    metadata,
    Column("key", String(100), primary_key=True),
    Column("value", Text, nullable=False),
)

runtimes = Table(
    "runtimes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("compute", String(255), nullable=False),
    Column("engine", String(64), nullable=False),
    Column("isolated", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("changed_at", String(32), nullable=False),
    Column("phase", String(16)),
    Column("phase_since", String(32)),
    Column("environment_name", String(255), nullable=False),
    Column("environment_version", String(64), nullable=False),
    Column("environment_digest", String(100), nullable=False),
    Column("base_digest", String(100), nullable=False, server_default=""),
    Column("layers", Text),
    Column("previous", Text),
    Column("profile", String(16), nullable=False, server_default="hardened"),
    Column("image", Text, nullable=False),
    Column("python", String(255), nullable=False),
    Column("instance", String(255)),
    Column("hostname", String(255), nullable=False),
    Column("network", String(32), nullable=False),
    Column("cpus", Float),
    Column("memory", BigInteger),
    Column("pids", Integer),
    Column("idle_minutes", Float),
    Column("error", Text),
    Column("started_at", String(32)),
    Column("last_used_at", String(32)),
    Column("revision", Integer, nullable=False),
    Column("engine_address", String(255), nullable=False, server_default=""),
    Column("seat_of", String(32), nullable=False, server_default=""),
)

runtime_log = Table(
    "runtime_log",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True, autoincrement=True),
    Column(
        "runtime_id",
        String(32),
        ForeignKey("runtimes.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("time", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("elapsed", Float),
    Index("ix_runtime_log_runtime_id", "runtime_id", "id"),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(150), primary_key=True),
    Column("status", String(16), nullable=False),
    Column("flow", String(255), nullable=False),
    Column("flow_path", Text, nullable=False),
    Column("runtime", String(63), nullable=False),
    Column("runtime_id", String(32), nullable=False),
    Column("environment_name", String(255), nullable=False),
    Column("environment_version", String(64), nullable=False),
    Column("environment_digest", String(100), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("process", String(64), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("node", String(255)),
    Column("variant", String(255)),
    Column("inputs", Text),
    Column("ended_at", String(32)),
    Column("duration_ms", Float),
    Column("hostname", String(255), nullable=False),
    Column("error", Text),
    Column("document", Text),
    Column("lines", Text),
    Column("labels", Text),
    Column("archived_at", String(32)),
    Column("source_run", String(150)),
    Index("ix_runs_created_at", "created_at"),
    Index("ix_runs_status", "status", "runtime_id"),
)

connections = Table(
    "connections",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("type", String(64), nullable=False),
    Column("module", String(255), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("changed_at", String(32), nullable=False),
    Column("configs", Text, nullable=False),
    Column("secrets", Text, nullable=False),
)

environments = Table(
    "environments",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("changed_at", String(32), nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("folder", Text, nullable=False),
    Column("build", Text),
)

environment_versions = Table(
    "environment_versions",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("changed_at", String(32), nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("digest", String(100), nullable=False),
    Column("image", Text, nullable=False),
    Column("registries", Text, nullable=False),
    Column("document", Text, nullable=False),
)

role_assignments = Table(
    "role_assignments",
    metadata,
    Column("principal", String(255), primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("scope", String(300), primary_key=True),
    Column("granted_by", String(255), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("until", String(32)),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True, autoincrement=True),
    Column("time", String(32), nullable=False),
    Column("principal", String(255), nullable=False),
    Column("right", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("name", String(600), nullable=False),
    Column("allowed", Boolean, nullable=False),
)

roles = Table(
    "roles",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("description", Text, nullable=False),
    Column("actions", Text, nullable=False),
    Column("exclusions", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("reach", String(16), nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("changed_at", String(32), nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("principal", String(255), primary_key=True),
    Column("member_of", String(255), primary_key=True),
)

access_requests = Table(
    "access_requests",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("principal", String(255), nullable=False),
    Column("role", String(32), nullable=False),
    Column("scope", String(300), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("answered_by", String(255)),
    Column("answered_at", String(32)),
    Column("until", String(32)),
    Index("ix_access_requests_state", "state"),
)
