"""A tool for the rehearsal of a run."""


def step(text: str) -> str:
    """Return something that depends on the input."""
    return text + "."


# What promptflow's @tool leaves on a function; importing the package, where the real
# one is installed, takes longer than a rehearsal may.
setattr(step, "__tool", None)
