"""LLM nodes and what the built-in tools share with them.

Plain Python 3.9; the ``openai`` library is imported only where a flow has a node that
needs it. Rules: flow-format sections 2.7 and 9 items 6, 8 to 11, 17 and 18.
"""
