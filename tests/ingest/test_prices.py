"""Prices, currencies and stock in the many ways that feeds write them."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.prices import MAX_PRICE, parse_currency, parse_price, parse_stock

PATIENT = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("19.99", "19.99", None),
        ("19.99 EUR", "19.99", "EUR"),
        ("eur 19,99", "19.99", "EUR"),
        ("€19", "19.00", "EUR"),
        ("1,299.00 USD", "1299.00", "USD"),
        ("1.299,00 €", "1299.00", "EUR"),
        ("1.234.567", "1234567.00", None),
        ("1 299,5", "1299.50", None),
        ("1'299.00 CHF", "1299.00", "CHF"),
        ("₩39000", "39000.00", "KRW"),
        ("70.000000", "70.00", None),
        ("19.995", "20.00", None),
        ("$5", "5.00", None),
        ("-0", "0.00", None),
        ("0", "0.00", None),
    ],
)
def test_a_price_is_read_as_it_was_meant(text: str, amount: str, currency: str | None) -> None:
    assert parse_price(text) == (Decimal(amount), currency)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-5", "negative"),
        ("−5 EUR", "negative"),
        ("EUR -5", "negative"),
        ("free", "not a number"),
        ("1,299", "two ways"),
        ("12,34,56", "not a number"),
        ("1.2.3", "not a number"),
        ("1,29,9.00", "not a number"),
        ("10-20", "not a number"),
        ("12 apples", "not a number"),
        ("10000000000", "too large"),
    ],
)
def test_a_garbled_price_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_price(text)


@PATIENT
@given(st.text(max_size=30))
def test_any_text_is_a_price_within_bounds_or_a_value_error(text: str) -> None:
    try:
        amount, currency = parse_price(text)
    except ValueError:
        return
    assert 0 <= amount <= MAX_PRICE
    assert currency is None or len(currency) == 3


@PATIENT
@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_what_we_write_we_read_back(amount: Decimal) -> None:
    assert parse_price(f"{amount} EUR") == (amount, "EUR")
    assert parse_price(f"{amount:,}") == (amount, None)


@pytest.mark.parametrize(
    ("text", "count"),
    [("12", 12), ("12.0000", 12), ("0", 0), ("-0", 0), ("in_stock", 1), ("Out of Stock", 0)],
)
def test_stock_is_a_count_or_a_word(text: str, count: int) -> None:
    assert parse_stock(text) == count


@pytest.mark.parametrize("text", ["-3", "many", "1.5", "99999999999", "1e3", ""])
def test_garbled_stock_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stock"):
        parse_stock(text)


def test_a_currency_is_a_code_or_a_sign_that_has_one_meaning() -> None:
    assert [parse_currency(text) for text in ("eur", "£", "$", "euro")] == [
        "EUR",
        "GBP",
        None,
        None,
    ]
