"""Rows of a batch: every format, streamed, and told where they are wrong."""

import datetime
import json
import math
import tracemalloc

import pandas
import pyarrow
import pytest

from pf_jupyter.errors import NotFound, PfError, UsageError
from pf_jupyter.runs.batch.data import line_number, open_rows


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def written(folder, name, content):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def plain(rows):
    """Rows with NaN as text, which can be compared."""
    return [
        {
            k: "nan" if isinstance(v, float) and math.isnan(v) else v
            for k, v in r.items()
        }
        for r in rows
    ]


# What the published package reads out of the same files (flow-format section 4.1).
READS = {
    "missing-numbers": (
        "a.jsonl",
        lines({"a": 1}, {"b": 2}),
        [{"a": 1.0, "b": "nan"}, {"a": "nan", "b": 2.0}],
    ),
    "null-number": (
        "a.jsonl",
        lines({"a": 1}, {"a": None}),
        [{"a": 1.0}, {"a": "nan"}],
    ),
    "flag-missing": (
        "a.jsonl",
        lines({"a": True}, {"b": 2.5}),
        [{"a": True, "b": "nan"}, {"a": "nan", "b": 2.5}],
    ),
    "text-null": ("a.jsonl", lines({"a": "x"}, {"a": None}), [{"a": "x"}, {"a": None}]),
    "all-null": ("a.jsonl", lines({"a": None}, {"a": None}), [{"a": None}] * 2),
    "mixed": ("a.jsonl", lines({"a": 1}, {"a": 2.5}), [{"a": 1}, {"a": 2.5}]),
    "digits": ("a.jsonl", lines({"a": "01"}), [{"a": "01"}]),
    "nested": ("a.jsonl", lines({"a": {"x": [1, None]}}), [{"a": {"x": [1, None]}}]),
    "blank-lines": ("a.jsonl", '{"a": 1}\n\n \n{"a": 2}', [{"a": 1}, {"a": 2}]),
    "byte-order-mark": ("a.jsonl", '\ufeff{"a": 1}\n', [{"a": 1}]),
    "windows-lines": ("a.jsonl", '{"a": 1}\r\n{"a": 2}\r\n', [{"a": 1}, {"a": 2}]),
    "line-separator": ("a.jsonl", '{"a": "x\u2028y"}\n', [{"a": "x\u2028y"}]),
    "unknown-suffix": ("a.txt", lines({"a": 1}), [{"a": 1}]),
    "csv": ("a.csv", "a,b\n1,x\n,y\n", [{"a": "1", "b": "x"}, {"a": "", "b": "y"}]),
    "csv-null-words": ("a.csv", "a,b\nNaN,NULL\n", [{"a": "NaN", "b": "NULL"}]),
    "csv-short": (
        "a.csv",
        "a,b\n1,x\n2\n",
        [{"a": "1", "b": "x"}, {"a": "2", "b": ""}],
    ),
    "csv-twice": (
        "a.csv",
        "a,a,\n1,x,y\n",
        [{"a": "1", "a.1": "x", "Unnamed: 2": "y"}],
    ),
    "csv-lines": ("a.csv", 'a,b\n\n1,"x\ny ""q"""\n', [{"a": "1", "b": 'x\ny "q"'}]),
    "csv-mark": ("a.csv", "\ufeffa\r\n1\r\n", [{"a": "1"}]),
    "tsv": ("a.tsv", 'a\tb\n1\t"x\ty"\n', [{"a": "1", "b": "x\ty"}]),
    "json": ("a.json", '[{"a": 1},\n {"a": 2}]\n', [{"a": 1}, {"a": 2}]),
    "json-columns": ("a.json", '{"a": [1, 2]}', [{"a": 1}, {"a": 2}]),
    "json-by-row": ("a.json", '{"a": {"0": 1, "1": 2}}', [{"a": 1}, {"a": 2}]),
    "json-missing": (
        "a.json",
        '[{"a": 1}, {"b": "x"}]',
        [{"a": 1.0, "b": "nan"}, {"a": "nan", "b": "x"}],
    ),
    "empty-list": ("a.json", "[]", []),
    "empty": ("a.jsonl", "", []),
    "heading-only": ("a.csv", "a,b\n", []),
}


@pytest.mark.parametrize(("name", "text", "expected"), READS.values(), ids=READS)
def test_reads(tmp_path, name, text, expected):
    rows = open_rows(written(tmp_path, name, text))
    assert plain(rows) == expected
    assert rows.count() == len(expected)
    assert plain(rows) == expected, "a second time"
    if expected:
        assert rows.columns == list(expected[0])


REFUSED = {
    "torn": ("a.jsonl", '{"a": 1}\n{"a": "x', 2, 9, "the file with it"),
    "pretty": ("a.jsonl", '{\n "a": 1\n}\n', 1, 2, "ends before its JSON object"),
    "quotes": ("a.jsonl", "{'a': 1}\n", 1, 2, "double quotes"),
    "two": ("a.jsonl", '{"a": 1} {"a": 2}\n', 1, 10, "Extra data"),
    "list": ("a.jsonl", '{"a": 1}\n[1]\n', 2, 1, "the line is a list"),
    "latin": ("a.jsonl", '{"a": "é"}\n'.encode("latin-1"), 1, 8, "0xe9"),
    "utf-16": ("a.jsonl", '{"a": 1}\n'.encode("utf-16"), 1, 1, "UTF-16"),
    "deep": ("a.jsonl", '{"a": ' + "[" * 100_000, 1, 0, "too deeply"),
    "csv-long": ("a.csv", "a,b\n1,2\n1,2,3\n", 3, 0, "3 cells, the heading 2"),
    "csv-open": ("a.csv", 'a,b\n1,2\n1,"x\n3,4\n', 3, 0, "never closed"),
    "csv-latin": ("a.csv", b"a\n\xe9\n", 2, 1, "0xe9"),
    "json-lines": ("a.json", '{"a": 1}\n{"a": 2}\n', 2, 1, "Extra data"),
    "json-cut": ("a.json", '[{"a": 1},\n{"a": 2}', 2, 9, "ends in its list"),
    "json-comma": ("a.json", '[{"a": 1}\n{"a": 2}]', 2, 1, "a comma is missing"),
    "json-value": ("a.json", '[{"a": 1},\n{"a": }]', 2, 7, "Expecting value"),
    "json-scalar": ("a.json", "[1, 2]", 1, 2, "must be a JSON object"),
    "json-behind": ("a.json", "[] 1", 1, 4, "follows the list"),
    "json-uneven": ("a.json", '{"a": [1], "b": []}', 0, 0, "differ in length"),
    "json-object": ("a.json", '{"a": 1}', 1, 1, "neither a list of rows"),
    "parquet": ("a.parquet", "hello", 0, 0, "not a parquet file"),
    "text": ("a.txt", "hello\n", 1, 1, "read as jsonl"),
    "number": ("a.csv", "line_number\n1\nx\n", 0, 0, "row 1: 'x' is no line number"),
    "some-numbers": (
        "a.jsonl",
        lines({"line_number": 0}, {"a": 1}),
        0,
        0,
        "row 1 has no line_number",
    ),
}


@pytest.mark.parametrize(
    ("name", "text", "line", "column", "message"), REFUSED.values(), ids=REFUSED
)
def test_bad_data_is_refused_with_its_place(
    tmp_path, name, text, line, column, message
):
    rows = open_rows(written(tmp_path, name, text))
    with pytest.raises(UsageError) as caught:
        list(rows)
    error = caught.value
    assert error.code == "InvalidUserData"
    assert message in error.describe()
    assert error.hint
    assert (error.details["line"], error.details["column"]) == (line, column)
    assert error.details["file"].endswith(name)


def test_the_last_row_is_checked_before_the_first_is_given(tmp_path):
    file = written(tmp_path, "a.jsonl", lines({"a": 1}) * 5000 + '{"a":')
    with pytest.raises(UsageError, match=r"a\.jsonl:5001:6"):
        next(iter(open_rows(file)))


def test_parquet(tmp_path):
    day = datetime.datetime(2024, 2, 29)
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None], "c": [day, pandas.NaT]})
    frame.to_parquet(tmp_path / "a.parquet")
    rows = open_rows(tmp_path / "a.parquet")
    assert list(rows) == [{"a": 1, "b": "x", "c": day}, {"a": 2, "b": None, "c": None}]
    assert rows.columns == ["a", "b", "c"]


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError) as caught:
        list(open_rows(written(tmp_path, "a.parquet", "")))
    assert caught.value.code == "missing_library"
    assert "pf-jupyter[parquet]" in caught.value.hint


def test_a_folder_is_read_level_by_level(tmp_path):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    written(tmp_path / "a", "1.csv", "x\nfirst\n")
    written(tmp_path / "a" / "deep", "0.jsonl", lines({"x": "last", "y": 1}))
    written(tmp_path / "a", "2.json", '[{"x": "second"}]')
    written(tmp_path / "a", "README.md", "what it is\n")
    written(tmp_path / "a", ".hidden", "{}")
    rows = open_rows(tmp_path / "a")
    assert plain(rows) == [
        {"x": "first", "y": "nan"},
        {"x": "second", "y": "nan"},
        {"x": "last", "y": 1},
    ]


def test_frames_and_dictionaries(tmp_path):
    frame = pandas.DataFrame(
        {"n": [1, 2], "f": [0.5, None], "d": [pandas.Timestamp(2024, 1, 1), pandas.NaT]}
    )
    expected = [
        {"n": 1, "f": 0.5, "d": datetime.datetime(2024, 1, 1)},
        {"n": 2, "f": "nan", "d": None},
    ]
    assert plain(open_rows(frame)) == expected
    table = pyarrow.table({"a": [1, None]})
    assert list(open_rows(table)) == [{"a": 1}, {"a": None}]
    assert list(open_rows({"a": n} for n in range(2))) == [{"a": 0}, {"a": 1}]
    deep = [{"a": {"when": datetime.date(2024, 1, 1), 5: b"x"}}]
    assert list(open_rows(deep)) == deep
    assert open_rows(frame).source == "DataFrame of 2 rows"
    assert open_rows([{}]).source == "list of 1 row"


def test_rows_from_memory_can_be_opened_again(tmp_path):
    spool = tmp_path / "rows.spool.jsonl"
    rows = open_rows(iter([{"a": 1}, {"a": None}]), spool=spool)
    assert list(rows) == list(open_rows(spool)) == [{"a": 1}, {"a": None}]
    assert rows.fingerprint() == open_rows([{"a": 1}, {"a": None}]).fingerprint()


def test_a_temporary_spool_goes_with_its_rows():
    rows = open_rows([{"a": 1}])
    (file,) = rows.files
    assert file.exists()
    del rows
    assert not file.exists()


def broken_rows():
    yield {"a": 1}
    raise RuntimeError("no more")


@pytest.mark.parametrize("source", [{"a": 1}, 5, None, [3], [{"a": object()}]])
def test_what_has_no_rows_is_refused(tmp_path, source):
    with pytest.raises(UsageError) as caught:
        open_rows(source, spool=tmp_path / "x.spool.jsonl")
    assert caught.value.hint
    assert not list(tmp_path.iterdir())


def test_an_iterator_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="no more"):
        open_rows(broken_rows(), spool=tmp_path / "x.spool.jsonl")
    assert not list(tmp_path.iterdir())


def test_a_missing_file_names_the_nearest(tmp_path):
    written(tmp_path, "questions.csv", "a\n1\n")
    with pytest.raises(NotFound) as caught:
        open_rows("question.csv", base=tmp_path)
    assert caught.value.code == "data_not_found"
    assert "questions.csv" in caught.value.hint


def test_data_that_goes_away_is_said(tmp_path):
    file = written(tmp_path, "a.jsonl", lines({"a": 1}))
    rows = open_rows(file)
    assert rows.count() == 1
    file.unlink()
    with pytest.raises(NotFound, match="gone"):
        list(rows)


def test_a_changed_file_is_read_anew(tmp_path):
    rows = open_rows(written(tmp_path, "a.jsonl", lines({"a": 1})))
    before = rows.fingerprint()
    assert rows.columns == ["a"]
    written(tmp_path, "a.jsonl", lines({"a": 1}, {"b": 2}))
    assert rows.columns == ["a", "b"]
    assert rows.count() == 2
    assert rows.fingerprint() != before


def test_no_rows_at_all(tmp_path):
    rows = open_rows(written(tmp_path, "a.csv", "a,b\n"))
    with pytest.raises(PfError) as caught:
        rows.require()
    assert caught.value.code == "EmptyInputsData"
    assert rows.columns == ["a", "b"]


def test_numbers_of_lines(tmp_path):
    given = written(tmp_path, "a.csv", "line_number,x\n5,a\n3,b\n")
    assert open_rows(given).order == "unsorted"
    assert (
        open_rows(written(tmp_path, "b.csv", "line_number\n3\n5\n")).order == "sorted"
    )
    assert open_rows([{"a": 1}]).order == "position"
    assert line_number({"line_number": "7"}, 0) == line_number({"line_number": 7.0}, 0)
    assert line_number({}, 4) == 4
    for wrong in (-1, 1.5, True, None, "x", "²"):
        with pytest.raises(UsageError):
            line_number({"line_number": wrong}, 0)


def test_memory_does_not_grow_with_the_rows(tmp_path):
    peaks = []
    row = json.dumps({"name": "somebody", "n": 1}) + "\n"
    for count in (5_000, 20_000):
        file = written(tmp_path, f"{count}.jsonl", row * count)
        tracemalloc.start()
        assert sum(1 for _ in open_rows(file)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.1


def test_a_long_list_is_not_held(tmp_path):
    row = json.dumps({"text": "x" * 1000})
    file = written(tmp_path, "a.json", "[" + ",\n".join([row] * 16_000) + "]")
    tracemalloc.start()
    assert sum(1 for _ in open_rows(file)) == 16_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20
