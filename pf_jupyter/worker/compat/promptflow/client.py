"""The client of the real package; a runtime runs flows without it."""

from promptflow._unavailable import unavailable

PFClient = unavailable("promptflow.client.PFClient", "promptflow")
load_run = unavailable("promptflow.client.load_run", "promptflow")


def load_flow(source, **kwargs):
    """Load a flow or a prompty file of the flow's folder, to be called."""
    from promptflow._flow import Flow

    return Flow.load(source, **kwargs)
