"""Kinds of traces."""

from enum import Enum


class TraceType(str, Enum):
    """What a traced call is."""

    LLM = "LLM"
    FUNCTION = "Function"
    LANGCHAIN = "LangChain"
    FLOW = "Flow"
    EMBEDDING = "Embedding"
    RETRIEVAL = "Retrieval"
