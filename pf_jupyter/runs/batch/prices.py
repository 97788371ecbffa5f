"""What models cost, as the user has written it down; nothing is known otherwise.

``prices.yaml`` in the workspace's folder::

    currency: USD
    models:                       # for a million tokens
      gpt-4o: {input: 2.50, output: 10.00}
      text-embedding-3-small: {input: 0.02}
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError

FILE = "prices.yaml"
VARIABLE = "PF_JUPYTER_PRICES"
"""Names another file."""
_MILLION = 1_000_000
_DATED = re.compile(r"-\d[\d-]*")
_FORM = "models: {gpt-4o: {input: 2.5, output: 10}}, for a million tokens"


@dataclass(frozen=True)
class Prices:
    """Prices of models.

    Parameters
    ----------
    currency
        Such as ``USD``.
    models
        By name the price of a million tokens that go in, and that come out.
    """

    currency: str
    models: Mapping[str, tuple[float, float]]

    def of(self, model: str) -> tuple[float, float] | None:
        """Return the prices of a model; None where the file says nothing of it.

        A service may add a date to the name that was asked for.
        """
        found = self.models.get(model)
        if found is None:
            names = [n for n in self.models if _DATED.fullmatch(model, len(n))]
            known = [n for n in names if model.startswith(n)]
            found = self.models[max(known, key=len)] if known else None
        return found

    def cost(self, usage: Mapping[str, Mapping[str, int]]) -> dict[str, Any] | None:
        """Return what tokens cost.

        Parameters
        ----------
        usage
            ``prompt_tokens`` and ``completion_tokens`` by model.

        Returns
        -------
        ``{"amount", "currency", "without_price"}``, the last with the tokens of models
        that are not in the file; None where no tokens are known.
        """
        if not usage:
            return None
        amount = 0.0
        without: dict[str, int] = {}
        for model, tokens in usage.items():
            price = self.of(model)
            given, made = (
                tokens.get(f"{k}_tokens", 0) for k in ("prompt", "completion")
            )
            if price is None:
                without[model] = tokens.get("total_tokens", given + made)
            else:
                amount += (given * price[0] + made * price[1]) / _MILLION
        return {
            "amount": round(amount, 8),
            "currency": self.currency,
            "without_price": without,
        }


def prices_in(home: Path) -> Prices | None:
    """Return the prices of a workspace; None where nobody has written any.

    Raises
    ------
    UsageError
        The file is not as it must be.
    """
    named = os.environ.get(VARIABLE)
    file = Path(named).expanduser() if named else home / FILE
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        if named:
            raise _invalid(file, f"{VARIABLE} names it, and it is not there") from None
        return None
    except OSError as error:
        raise _invalid(file, str(error)) from None
    return _read(data, file)


def _read(data: bytes, file: Path) -> Prices:
    from ...flow.document import read_document

    document = read_document(data, file.name)
    if document.problems:
        raise _invalid(file, document.problems[0].message)
    found: Any = document.value
    models = found.get("models") if isinstance(found, Mapping) else None
    if not isinstance(models, Mapping):
        raise _invalid(file, "it has no models")
    unknown = set(found) - {"currency", "models"}
    if unknown:
        raise _invalid(file, f"{', '.join(map(str, unknown))} is not known")
    prices = {}
    for name, given in models.items():
        entry = given if isinstance(given, Mapping) else {}
        both = [entry.get("input"), entry.get("output", 0)]
        if set(entry) - {"input", "output"} or not all(map(_is_price, both)):
            raise _invalid(file, f"the price of {name} is {given!r}")
        prices[str(name)] = (float(both[0]), float(both[1]))
    return Prices(str(found.get("currency") or "USD"), prices)


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _invalid(file: Path, why: str) -> UsageError:
    return UsageError(
        f"the prices in {file} cannot be read: {why}",
        code="bad_prices",
        hint=f"write {_FORM}, or remove the file",
    )
