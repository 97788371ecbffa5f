"""The page of a conversation."""

from __future__ import annotations

from pf_jupyter.widgets import open_panel

from .driver import Driver


def chat(workspace, flow="hello", **about):
    workspace.runtimes.create("demo")
    return Driver(open_panel(workspace, "chat", flow=flow, runtime="demo")).settle()


def test_a_turn_is_a_run_and_its_answer_is_shown(workspace):
    driver = chat(workspace)
    assert "Say something" in driver.text
    driver.fill("Your question", "how are you?").click("Send").settle()
    assert workspace.ran[-1][1] == {"text": "how are you?", "times": 1}
    assert "how are you?" in driver.text
    assert "HELLO!" in driver.text
    driver.click("Begin anew")
    assert "Say something" in driver.text


def test_the_answer_streams_and_can_be_stopped(workspace):
    driver = chat(workspace, "slow")
    driver.fill("Your question", "hm?").click("Send").until_text("so far")
    driver.click("Stop").settle()
    assert "The turn was canceled" in driver.text
    assert "Ask again" in driver.buttons()


def test_a_turn_that_fails_says_why_and_nothing_typed_is_lost(workspace):
    driver = chat(workspace, "broken")
    driver.fill("Your question", "hm?").click("Send").settle()
    assert "The turn failed" in driver.text
    assert "(ValueError) no such page" in driver.text
    driver.click("Ask again").settle()
    assert len(workspace.ran) == 2
    assert len(driver.panel.turns) == 1
