"""Names that look like cash: lines of a broker's file that are no positions."""

import re

_CURRENCIES = frozenset(
    re.findall(
        r"\w+",
        """aed aud brl cad chf clp cnh cny cop czk dkk eur gbp hkd huf idr ils inr jpy krw kwd mxn myr nok nzd pen php
        pln qar ron rub sar sek sgd thb try twd usd vnd zar""",
    )
)
_BESIDE_CASH = frozenset(
    re.findall(
        r"\w+",
        """account and at available bank balance balances collateral component currency deposit deposits derivatives
        dollar dollars equiv equivalent equivalents euro euros free hand holding holdings liquidity margin money net of
        on or other position positions settled total uninvested unsettled us""",
    )
)
_SIGNS = frozenset("$\u20ac\u00a3\u00a5")
_EXACT = "CASH"
"""Our own name for it, for which the contracts have rules."""


def looks_like_cash(name: str) -> bool:
    """Return whether a name is a currency, or has no other words than those for cash: `USD`, `$CASH`, `Cash (EUR)`."""
    words = re.findall(r"[a-z]+", re.sub(r"cash", " cash ", name.casefold()))
    if name == _EXACT or not words or any(one.isdigit() for one in name):
        return name.strip() in _SIGNS
    if "cash" in words:
        return all(word == "cash" or word in _BESIDE_CASH or word in _CURRENCIES for word in words)
    return len(words) == 1 and words[0] in _CURRENCIES
