"""Running flows in runtimes, and remembering what came of it."""
