"""Sync nodes in threads: side by side as soon as one of them is slow."""

import pytest

GATE = """
import threading

event = threading.Event()
pair, four = threading.Barrier(2), threading.Barrier(4)
"""
SLOW = """
    import pf_test_gate

    @tool
    def slow():
        return pf_test_gate.event.wait(60)
"""
QUICK = """
    @tool
    def quick(x):
        return x
"""


@pytest.fixture
def gated(flow):
    flow.file("pf_test_gate.py", GATE)
    return flow


@pytest.mark.parametrize("order", [("slow", "quick"), ("quick", "slow")])
def test_what_follows_a_quick_node_does_not_wait_for_a_slow_one(gated, order):
    for name in order:
        if name == "slow":
            gated.python("slow", SLOW)
        else:
            gated.python("quick", QUICK, x="1")
    gated.python(
        "after",
        "import pf_test_gate\n@tool\ndef after(x):\n    pf_test_gate.event.set()\n",
        x="${quick.output}",
    )
    gated.gives("out", "${slow.output}")
    assert gated.outputs() == {"out": True}


def test_many_quick_nodes_pass_a_slow_one(gated):
    gated.python("slow", SLOW)
    for number in range(40):
        gated.python(f"quick{number}", QUICK, x=str(number))
    gated.python(
        "after",
        "import pf_test_gate\n@tool\ndef after(x):\n    pf_test_gate.event.set()\n",
        x="${quick39.output}",
    )
    gated.gives("out", "${slow.output}")
    assert gated.outputs() == {"out": True}


def test_nodes_run_side_by_side_after_others_were_slow(gated):
    pair = "import pf_test_gate\n@tool\ndef pair():\n    pf_test_gate.pair.wait(60)\n"
    four = "import pf_test_gate\n@tool\ndef four(a, b):\n    pf_test_gate.four.wait(60)"
    for name in "ab":
        gated.python(name, pair)
    for name in "cdef":
        gated.python(name, four, a="${a.output}", b="${b.output}")
    result = gated.run()
    assert result["status"] == "Completed", result["error"]


def test_nodes_run_side_by_side_while_another_is_slow(gated):
    four = "import pf_test_gate\n@tool\ndef four(x):\n    pf_test_gate.four.wait(60)"
    done = "import pf_test_gate\n@tool\ndef done(x):\n    pf_test_gate.event.set()\n"
    gated.python("slow", SLOW)
    gated.python("quick", QUICK, x="1")
    for name in "cdef":
        gated.python(name, four, x="${quick.output}")
    gated.python("done", done, x="${c.output}")
    result = gated.run()
    assert result["status"] == "Completed", result["error"]
    assert result["nodes"]["slow"]["output"] is True


def test_a_time_limit_holds_when_results_are_there(gated):
    gated.python("quick", QUICK, x="1")
    gated.python("slow", SLOW)
    result = gated.run(timeout=0.2)
    assert result["error"]["code"] == "LineExecutionTimeoutError"
    assert result["nodes"]["quick"]["status"] == "Completed"
    assert result["nodes"]["slow"]["status"] == "Canceled"
