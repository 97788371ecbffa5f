"""A tool that finds the nearest vectors of an index in a folder of the flow."""

import importlib
import json
import os
import pickle
from typing import List

from promptflow._core.tool import ToolProvider, tool
from promptflow.exceptions import UserErrorException

from pf_jupyter.worker.execution.failures import way_to_add

_PLAIN = ("index.json", "index.jsonl")


class FaissIndexLookup(ToolProvider):
    """Searches a local index: one of FAISS, or rows of JSON.

    Parameters
    ----------
    path
        A folder with ``index.faiss`` and ``index.pkl``, as langchain saves them, or
        with ``index.jsonl`` (or ``index.json``, a list) of rows ``{"vector": […],
        "text": "…", "metadata": {…}}``; or such a file of rows itself.
    """

    def __init__(self, path: str):
        super().__init__()
        if "://" in path or path.startswith("azureml:"):
            raise UserErrorException(
                f"the index {path} is not in the flow's folder; only local ones can be "
                f"searched here. For others: {way_to_add('promptflow-vectordb')}"
            )
        self._search = _opened(os.path.abspath(path), path)

    @tool
    def search(self, vector: List[float], top_k: int = 3) -> List[dict]:
        """Return the nearest entries, the nearest first.

        Parameters
        ----------
        vector
            What is looked for.
        top_k
            How many.

        Returns
        -------
        list
            ``{"text", "metadata", "score"}`` each; the score is the squared distance.
        """
        return self._search([float(number) for number in vector], int(top_k))


def _opened(path, shown):
    files = [path] if os.path.isfile(path) else [os.path.join(path, n) for n in _PLAIN]
    rows = next((name for name in files if os.path.isfile(name)), None)
    if rows is not None and not rows.endswith(".faiss"):
        return _plain(rows)
    folder = os.path.dirname(path) if path.endswith(".faiss") else path
    if not os.path.isfile(os.path.join(folder, "index.faiss")):
        raise UserErrorException(
            f"there is no index at {shown}: it is a folder with index.faiss and "
            f"index.pkl, or with {_PLAIN[1]}"
        )
    return _faiss(folder)


def _plain(file):
    with open(file, encoding="utf-8") as stream:
        text = stream.read()
    try:
        rows = json.loads(text) if file.endswith(".json") else _lines(text)
        rows = [([float(n) for n in row["vector"]], row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise UserErrorException(
            f"{os.path.basename(file)} is no index: each row needs a 'vector' of "
            f"numbers ({type(error).__name__}: {error})"
        ) from None

    def search(vector, count):
        for known, _ in rows[:1]:
            _check_size(len(vector), len(known))
        measured = [(_distance(vector, known), row) for known, row in rows]
        measured.sort(key=lambda found: found[0])
        return [_entry(row, distance) for distance, row in measured[: max(count, 0)]]

    return search


def _lines(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _distance(one, other):
    return sum((a - b) ** 2 for a, b in zip(one, other))


def _entry(row, score):
    return {
        "text": row.get("text", ""),
        "metadata": row.get("metadata") or {},
        "score": float(score),
    }


def _check_size(given, wanted):
    if given != wanted:
        raise UserErrorException(
            f"the vector has {given} numbers and those of the index have {wanted}: "
            "they were made by another model"
        )


def _faiss(folder):
    try:
        faiss = importlib.import_module("faiss")
        numpy = importlib.import_module("numpy")
    except ImportError as error:
        raise UserErrorException(
            f"searching an index of FAISS takes a package that is not there "
            f"({error}): {way_to_add('faiss-cpu')}"
        ) from None
    index = faiss.read_index(os.path.join(folder, "index.faiss"))
    with open(os.path.join(folder, "index.pkl"), "rb") as stream:
        store, ids = _Documents(stream).load()
    texts = vars(store)["_dict"]

    def search(vector, count):
        _check_size(len(vector), index.d)
        distances, places = index.search(numpy.array([vector], dtype="float32"), count)
        return [
            _entry(_fields(texts[ids[int(place)]]), distance)
            for distance, place in zip(distances[0], places[0])
            if int(place) >= 0
        ]

    return search


def _fields(document):
    fields = vars(document)
    fields = fields.get("__dict__") or fields
    return {"text": fields.get("page_content"), "metadata": fields.get("metadata")}


class _Kept:
    """Takes the place of langchain's classes, which need not be installed."""

    def __setstate__(self, state):
        if isinstance(state, tuple):
            state = state[0] or {}
        self.__dict__.update(state)


class _Documents(pickle.Unpickler):
    """Reads the texts of an index and nothing that could run code."""

    def find_class(self, module, name):
        """Return a class for what an index is made of; refuse all else."""
        if module.partition(".")[0].startswith("langchain"):
            return _Kept
        if (module, name) == ("builtins", "set"):
            return set
        if (module, name) == ("copyreg", "_reconstructor"):
            return lambda cls, base, state: cls()
        if (module, name) == ("builtins", "object"):
            return object
        raise UserErrorException(
            f"index.pkl holds a {module}.{name}, which no index of texts is made of"
        )
