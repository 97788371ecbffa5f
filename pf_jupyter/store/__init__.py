"""What is remembered: runtimes, their lives, runs and settings.

Only this room imports SQLAlchemy and alembic, and only when a store is opened.
Nothing of theirs leaves it: every failure is a :class:`~pf_jupyter.errors.PfError`.
"""
