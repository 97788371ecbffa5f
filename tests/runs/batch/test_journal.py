"""The journal: one line each, torn ends, results that replace others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.runs.batch.finish import write_outputs
from pf_jupyter.runs.batch.journal import Index, Journal, Reader, encode


def entry(number: int, status: str = "Completed", **more: Any) -> Any:
    record = {"line_number": number, "status": status, **more}
    return number, status == "Completed", encode(record)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_results_come_back_in_the_order_of_the_lines(file: Path) -> None:
    journal = Journal(file)
    journal.append([entry(5), entry(0, outputs={"a": "ä\ud800"})])
    journal.append([entry(2, "Failed")])
    journal.close()
    reader = Reader(file)
    assert [r["line_number"] for r in reader.records()] == [0, 2, 5]
    assert [r["line_number"] for r in reader.records(failed=False)] == [0, 5]
    assert [r["line_number"] for r in reader.records(completed=False)] == [2]
    assert reader.get(0) == {
        "line_number": 0,
        "status": "Completed",
        "outputs": {"a": "ä\ud800"},
    }
    assert reader.get(1) is None


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_torn_last_line_counts_as_not_written(file: Path, cut: int) -> None:
    journal = Journal(file)
    journal.append([entry(0), entry(1)])
    journal.close()
    whole = file.read_bytes()
    second = whole.index(b"\n") + 1
    file.write_bytes(whole[: max(second, len(whole) - cut)])
    again = Journal(file)
    assert again.index.has(0)
    assert not again.index.has(1)
    again.append([entry(1, outputs={"b": 1})])
    again.close()
    assert [r["line_number"] for r in Reader(file).records()] == [0, 1]
    assert file.read_bytes().count(b"\n") == 2


def test_a_line_that_was_run_again_has_its_later_result(file: Path) -> None:
    journal = Journal(file)
    journal.append([entry(0, "Failed"), entry(1)])
    assert (journal.index.completed, journal.index.failed) == (1, 1)
    journal.append([entry(0, outputs={"a": 1})])
    assert (journal.index.completed, journal.index.failed) == (2, 0)
    journal.close()
    outputs = file.with_name("output.jsonl")
    write_outputs(file, outputs)
    assert outputs.read_text() == '{"line_number": 0, "a": 1}\n{"line_number": 1}\n'


def test_numbers_may_be_far_apart() -> None:
    index = Index()
    for number in (10**12, 3, 70_000, 10**6, 0, 70_001):
        index.put(number, number * 2, number % 2 == 0)
    assert list(index.numbers()) == [
        (n, n * 2) for n in (0, 3, 70_000, 70_001, 10**6, 10**12)
    ]
    assert index.is_completed(10**12)
    assert not index.is_completed(70_001)
    assert index.offset(3) == 6
    assert index.offset(4) is None


def test_a_far_number_stays_when_the_others_come_near() -> None:
    index = Index()
    index.put(200_000, 7, True)
    for number in range(0, 250_000, 1000):
        if number != 200_000:
            index.put(number, number, False)
    index.put(200_001, 9, True)
    found = dict(index.numbers(failed=False))
    assert found == {200_000: 7, 200_001: 9}


def test_a_result_that_cannot_be_written_leaves_no_half_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(file)
    journal.append([entry(0)])

    class Full:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def write(self, data: Any) -> int:
            self.stream.write(bytes(data)[:7])
            raise OSError(28, "No space left on device")

        def __getattr__(self, name: str) -> Any:
            return getattr(self.stream, name)

    monkeypatch.setattr(journal, "_stream", Full(journal._stream))
    with pytest.raises(OSError, match="No space"):
        journal.append([entry(1)])
    monkeypatch.undo()
    journal.append([entry(2)])
    journal.close()
    assert [r["line_number"] for r in Reader(file).records()] == [0, 2]
