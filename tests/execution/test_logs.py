"""What nodes print: by node, stamped, live, bounded."""

import re

import pytest

STAMP = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000\] "


def plain(text):
    """Take the stamps off; every line must have one."""
    lines = text.splitlines()
    assert all(re.match(STAMP, line) for line in lines), text
    return [re.sub(STAMP, "", line, count=1) for line in lines]


def logged(events, node, stream="stdout"):
    return "".join(
        e["text"]
        for e in events
        if e["event"] == "log" and e["node"] == node and e["stream"] == stream
    )


def test_each_line_is_stamped_and_sent(flow):
    flow.python(
        "n",
        """
        import sys

        @tool
        def n():
            print("one", 1)
            print("two", end="")
            print(" more")
            print()
            print("bad", file=sys.stderr)
            sys.stdout.buffer.write("žluť\\n".encode())
            sys.stdout.writelines(["last"])
        """,
    )
    events = []
    logs = flow.run(events)["nodes"]["n"]["logs"]
    assert plain(logs["stdout"]) == ["one 1", "two more", "", "žluť", "last"]
    assert plain(logs["stderr"]) == ["bad"]
    assert logs["dropped_bytes"] == 0
    assert logged(events, "n") == logs["stdout"]
    assert logged(events, "n", "stderr") == logs["stderr"]


def test_output_is_told_apart_when_nodes_run_side_by_side(flow):
    body = """
        import threading, time
        from concurrent.futures import ThreadPoolExecutor
        from promptflow.tracing import ThreadPoolExecutorWithContext

        @tool
        def n(name: str):
            for _ in range(3):
                print(name)
                time.sleep(0.02)
            with ThreadPoolExecutorWithContext() as pool:
                pool.submit(print, "thread of " + name).result()
    """
    for name in "ab":
        flow.python(name, body, name=name)
    nodes = flow.run()["nodes"]
    for name in "ab":
        expected = [name] * 3 + [f"thread of {name}"]
        assert plain(nodes[name]["logs"]["stdout"]) == expected


def test_async_nodes_are_told_apart(flow):
    body = """
        import asyncio

        @tool
        async def n(name: str):
            for _ in range(3):
                await asyncio.sleep(0.01)
                print(name)
    """
    for name in "ab":
        flow.python(name, body, name=name)
    nodes = flow.run()["nodes"]
    for name in "ab":
        assert plain(nodes[name]["logs"]["stdout"]) == [name] * 3


def test_threads_without_context_belong_to_the_only_running_node(flow):
    flow.python(
        "n",
        """
        import threading

        @tool
        def n():
            thread = threading.Thread(target=print, args=["from a thread"])
            thread.start()
            thread.join()
        """,
    )
    assert plain(flow.run()["nodes"]["n"]["logs"]["stdout"]) == ["from a thread"]


def test_import_time_output_belongs_to_the_run(flow):
    flow.python("n", "print('importing')\n@tool\ndef n():\n    print('running')\n")
    events = []
    result = flow.run(events)
    assert plain(logged(events, None)) == ["importing"]
    assert plain(result["nodes"]["n"]["logs"]["stdout"]) == ["running"]


def test_a_handler_made_at_import_logs_for_the_node_that_runs(flow):
    flow.python(
        "n",
        """
        import logging
        logger = logging.getLogger("pf-test-handler")
        logger.addHandler(logging.StreamHandler())

        @tool
        def n(x=None):
            logger.warning("careful")
        """,
    )
    for _ in range(2):
        assert plain(flow.run()["nodes"]["n"]["logs"]["stderr"]) == ["careful"]


def test_beginning_and_end_are_kept(flow):
    flow.python(
        "n", "@tool\ndef n():\n    for i in range(5000):\n        print('line', i)\n"
    )
    result = flow.run(log_limit=10_000)
    logs = result["nodes"]["n"]["logs"]
    assert len(logs["stdout"]) < 6_000
    assert "line 0\n" in logs["stdout"]
    assert "line 4999\n" in logs["stdout"]
    whole = 5000 * 28 + len("".join(f"line {i}\n" for i in range(5000)))
    assert len(logs["stdout"]) + logs["dropped_bytes"] == pytest.approx(whole, abs=60)
    assert f"{logs['dropped_bytes']} bytes not kept" in logs["stdout"]


def test_a_flood_of_output_is_sent_in_few_bounded_pieces(flow):
    flow.python(
        "n",
        """
        @tool
        def n():
            for _ in range(20000):
                print("x" * 1000)
            print("the end")
        """,
    )
    events = []
    result = flow.run(events)
    sent = [e["text"] for e in events if e["event"] == "log"]
    seconds = result["duration_ms"] / 1000
    # a busy machine may cut a piece in two; the node printed 20,000 times
    assert len(sent) <= 40 * seconds + 10
    assert max(map(len, sent)) < 40_000
    logs = result["nodes"]["n"]["logs"]
    assert len(logs["stdout"]) <= 1024 * 1024
    assert logs["stdout"].endswith("the end\n")
    assert logs["dropped_bytes"] > 19_000_000


def test_late_lines_and_progress_bars_arrive_while_the_node_runs(flow, gate):
    flow.python(
        "n",
        """
        import pf_test_gate as gate

        def wait_for(text):
            gate.until(lambda: any(text in e.get("text", "") for e in gate.events))

        @tool
        def n():
            print("first")
            print("second")
            wait_for("second")
            for step in range(3):
                print(f"\\rstep {step}", end="")
                wait_for(f"step {step}")
        """,
    )
    flow.run(gate.events)
    sent = [e["text"] for e in gate.events if e["event"] == "log"]
    assert len(sent) >= 4
    assert "second" in sent[1]
    assert "step 0" in sent[2]


def test_output_after_the_end_of_a_node_does_not_fail(flow):
    flow.file(
        "late.py", "import threading\ngo, done = threading.Event(), threading.Event()\n"
    )
    flow.python(
        "a",
        """
        import late, threading

        def speak():
            late.go.wait(60)
            print("late words")
            late.done.set()

        @tool
        def a():
            threading.Thread(target=speak).start()
        """,
    )
    flow.python(
        "b",
        "import late\n@tool\ndef b(x):\n    late.go.set()\n    late.done.wait(60)\n",
        x="${a.output}",
    )
    nodes = flow.run()["nodes"]
    assert nodes["a"]["logs"]["stdout"] == ""
    assert plain(nodes["b"]["logs"]["stdout"]) == ["late words"]


def test_secrets_are_scrubbed_from_logs_and_errors(flow):
    flow.python(
        "n",
        """
        from promptflow.connections import CustomConnection

        @tool
        def n(c: CustomConnection):
            print("key is", c.secrets["key"], c)
            raise ValueError("bad key " + c.secrets["key"])
        """,
        c="mine",
    )
    connection = {
        "type": "CustomConnection",
        "module": "promptflow.connections",
        "value": {"key": "s3cr3t-value", "url": "u"},
        "secret_keys": ["key"],
    }
    events = []
    result = flow.run(events, connections={"mine": connection})
    assert result["error"]["code"] == "ToolExecutionError"
    assert result["nodes"]["n"]["inputs"] == {"c": "mine"}
    assert "key is ****" in result["nodes"]["n"]["logs"]["stdout"]
    assert "s3cr3t" not in repr(result)
    assert "s3cr3t" not in repr(events)


def test_a_subprocess_can_inherit_the_streams(flow, capfd):
    flow.python(
        "n",
        """
        import subprocess, sys

        @tool
        def n():
            command = [sys.executable, "-c", "print('child')"]
            return subprocess.run(command, stdout=sys.stdout).returncode
        """,
    )
    flow.gives("out", "${n.output}")
    assert flow.outputs() == {"out": 0}
