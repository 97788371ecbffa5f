"""The one tool of promptflow-vectordb that works on a local index.

The real package wins where it is installed; this one stands at the end of ``sys.path``.
"""

__path__ = __import__("pkgutil").extend_path(__path__, __name__)
