"""The life cycle of runtimes: how they come, go, fail and are found again."""
