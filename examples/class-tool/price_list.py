import csv
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Dict

from promptflow.core import ToolProvider, tool

TAX = {"DE": Decimal("0.19"), "FR": Decimal("0.20"), "CH": Decimal("0.081")}
CENT = Decimal("0.01")


class PriceList(ToolProvider):
    """Reads the price list once, when the flow is loaded; each run asks it."""

    def __init__(self, price_file: str, currency: str = "EUR"):
        super().__init__()
        self.currency = currency
        path = Path(__file__).parent / price_file
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            self.prices = {row["article"]: Decimal(row["price"]) for row in rows}

    @tool
    def quote(self, order: dict, country: str = "DE") -> Dict[str, Any]:
        unknown = sorted(set(order) - set(self.prices))
        if unknown:
            known = ", ".join(sorted(self.prices))
            raise ValueError(f"not on the price list: {', '.join(unknown)} ({known})")
        lines = [
            {
                "article": article,
                "count": count,
                "sum": str(self.prices[article] * int(count)),
            }
            for article, count in order.items()
        ]
        net = sum((Decimal(line["sum"]) for line in lines), Decimal("0.00"))
        tax = (net * TAX.get(country, Decimal(0))).quantize(CENT, ROUND_HALF_UP)
        return {
            "currency": self.currency,
            "lines": lines,
            "net": str(net),
            "tax": str(tax),
            "total": str(net + tax),
        }
