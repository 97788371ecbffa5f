"""The client of the real package; a runtime runs flows without it."""

from promptflow._unavailable import unavailable

PFClient = unavailable("promptflow.client.PFClient", "promptflow")
load_flow = unavailable("promptflow.client.load_flow", "promptflow")
load_run = unavailable("promptflow.client.load_run", "promptflow")
