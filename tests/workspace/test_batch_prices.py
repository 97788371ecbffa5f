"""What a batch costs: by prices that the user has written down, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pf_jupyter.commands.batches import BatchStates, batch_text
from pf_jupyter.errors import UsageError
from pf_jupyter.runs.batch.prices import FILE, VARIABLE, Prices, prices_in
from pf_jupyter.standin import KEY, StandIn
from pf_jupyter.workspace.api import cost_text

FLOW = """\
inputs:
  question: {type: string}
outputs:
  answer: {type: string, reference: "${ask.output}"}
nodes:
- name: ask
  type: llm
  source: {type: code, path: ask.jinja2}
  inputs: {question: "${inputs.question}", model: gpt-priced}
  provider: OpenAI
  connection: priced
  api: chat
"""
PRICES = Prices("USD", {"gpt-4o": (2.5, 10.0), "gpt-4o-mini": (0.15, 0.6)})


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("gpt-4o", (2.5, 10.0)),
        ("gpt-4o-2024-08-06", (2.5, 10.0)),
        ("gpt-4o-mini-2024-07-18", (0.15, 0.6)),
        ("gpt-4o-audio", None),
        ("gpt-4", None),
    ],
)
def test_a_service_may_add_a_date_to_a_name_and_nothing_else(model, price):
    assert PRICES.of(model) == price


def test_tokens_cost_what_the_file_says_and_the_rest_is_named():
    usage = {
        "gpt-4o": {"prompt_tokens": 1_000_000, "completion_tokens": 100_000},
        "other": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }
    found = PRICES.cost(usage)
    assert found == {"amount": 3.5, "currency": "USD", "without_price": {"other": 7}}
    assert cost_text(found) == "$3.50 (no price of other)"
    assert PRICES.cost({}) is None
    assert cost_text({"amount": 0.00123, "currency": "CHF"}) == "0.0012 CHF"


@pytest.mark.parametrize(
    "text",
    [
        "models: [",
        "- gpt-4o",
        "models: {gpt-4o: 2.5}",
        "models: {gpt-4o: {input: free}}",
        "models: {gpt-4o: {input: -1}}",
        "models: {gpt-4o: {output: 1}}",
        "models: {gpt-4o: {input: 1, per: token}}",
        "prices: {}",
    ],
)
def test_prices_that_cannot_be_read_are_refused(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError) as caught:
        prices_in(tmp_path)
    assert caught.value.code == "bad_prices"
    assert str(tmp_path / FILE) in caught.value.message


def test_a_file_that_is_named_must_be_there(tmp_path, monkeypatch):
    assert prices_in(tmp_path) is None
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine.yaml"))
    with pytest.raises(UsageError):
        prices_in(tmp_path)
    (tmp_path / "mine.yaml").write_text("currency: EUR\nmodels: {m: {input: 1}}")
    assert prices_in(tmp_path) == Prices("EUR", {"m": (1.0, 0.0)})


def test_a_batch_tells_its_cost_while_it_runs_and_afterwards(rt, shared, tmp_path):
    flow = tmp_path / "asking"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW)
    (flow / "ask.jinja2").write_text("user:\n{{question}}\n")
    rows = [{"question": f"number {number}"} for number in range(6)]
    prices = Path(shared.home) / FILE
    with StandIn() as service:
        shared.connections.create(
            {
                "type": "open_ai",
                "name": "priced",
                "api_key": KEY,
                "base_url": service.base_url,
            }
        )
        try:
            unpriced = rt.batch(flow, rows)
            prices.write_text("models: {gpt-priced: {input: 3, output: 5}}")
            seen = []
            run = rt.batch(flow, rows, on_event=seen.append)
        finally:
            prices.unlink(missing_ok=True)
            shared.connections.delete("priced")
    assert unpriced.counts["completed"] == 6
    assert not unpriced.cost
    assert unpriced.tokens["total_tokens"] > 0
    tokens = run.tokens
    amount = (3 * tokens["prompt_tokens"] + 5 * tokens["completion_tokens"]) / 1e6
    assert run.cost["amount"] == pytest.approx(amount)
    assert run.cost["currency"] == "USD"
    assert seen[-1]["cost"] == run.cost
    assert shared.runs.batch(run.run_id).to_dict()["cost"] == run.cost
    states = BatchStates()
    states.apply(seen[-1])
    text = f"{tokens['total_tokens']} tokens, {cost_text(run.cost)}"
    assert text in states.headline
    assert text in batch_text(run)
    assert cost_text(run.cost) in run._repr_mimebundle_()["text/html"]
