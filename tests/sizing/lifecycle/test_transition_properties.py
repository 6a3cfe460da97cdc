"""What is true of every transition: no order and no other portfolio matters, and only the unconfirmed is undone."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.examples import examples
from tests.sizing.days import limits
from tests.sizing.lifecycle.states import DUST, State, Traded, advanced, corrected, gone

Held = dict[tuple[str, str], str]
Trades = dict[tuple[str, str], Traded]

PORTFOLIOS, ASSETS = ("P", "Q", "R"), ("a", "b", "c", "d")
WEIGHTS = ("0", "0.00005", "0.0001", "0.12")
keys = st.tuples(st.sampled_from(PORTFOLIOS), st.sampled_from(ASSETS))
days = st.one_of(st.none(), st.integers(0, 20))


@st.composite
def a_state(draw: st.DrawFn) -> State:
    closed = tuple(sorted(draw(st.sets(st.integers(0, 20), max_size=3)), reverse=True))
    grace = draw(days)
    state = State(
        is_held=not closed or draw(st.booleans()),
        is_confirmed=draw(st.booleans()),
        opened=draw(days),
        term=draw(st.integers(0, 20)),
        grace=grace,
        count=None if grace is None else draw(st.integers(0, 5)),
        entry_weight=None if grace is None else "0.12",
        closed=closed,
    )
    return gone(*closed) if not state.is_held and state.is_confirmed else state


a_trade = st.builds(
    Traded,
    st.sampled_from(WEIGHTS),
    st.sampled_from(WEIGHTS),
    st.one_of(st.none(), st.integers(0, 5)),
    st.booleans(),
    st.booleans(),
    st.sampled_from((None, 0, 1)),
)
many_states = st.dictionaries(keys, a_state(), max_size=8).map(
    lambda drawn: [replace(one, portfolio_id=key[0], asset=key[1]) for key, one in drawn.items()]
)
LIMITS = {"P": limits(), "Q": limits(max_holding_days=10), "R": limits(max_holding_days=20)}


@settings(deadline=None, max_examples=examples(25))
@given(many_states, st.dictionaries(keys, st.sampled_from(WEIGHTS)), st.sets(st.sampled_from(PORTFOLIOS)), st.randoms())
def test_a_correction_knows_no_order_and_no_other_portfolio(
    states: list[State], held: Held, with_file: set[str], random: Random
) -> None:
    files = dict.fromkeys(sorted(with_file), 20)
    result = corrected(*states, held=held, file_of=files)
    shuffled, book = random.sample(states, len(states)), dict(random.sample(sorted(held.items()), len(held)))
    assert corrected(*shuffled, held=book, file_of=files) == result
    for name in PORTFOLIOS:
        alone = [one for one in states if one.portfolio_id == name]
        own = {key: weight for key, weight in held.items() if key[0] == name}
        assert corrected(*alone, held=own, file_of=files) == [one for one in result if one.portfolio_id == name]


@settings(deadline=None, max_examples=examples(25))
@given(many_states, st.dictionaries(keys, st.sampled_from(WEIGHTS)))
def test_a_file_undoes_only_what_is_not_confirmed(states: list[State], held: Held) -> None:
    before = {(one.portfolio_id, one.asset): one for one in states}
    result = corrected(*states, held=held, file_of=dict.fromkeys(PORTFOLIOS, 20))
    after = {(one.portfolio_id, one.asset): one for one in result}
    assert all(one.is_confirmed for one in result)
    in_book = {key for key, weight in held.items() if float(weight) >= DUST}
    assert {key for key, one in after.items() if one.is_held} == in_book
    for key, one in before.items():
        if one.is_confirmed and one.is_held:
            assert after[key] == (one if key in in_book else replace_gone(one, 20, *one.closed))
        if one.is_confirmed:
            assert set(one.closed) <= set(after[key].closed)
    assert corrected(*result, held=held, file_of=dict.fromkeys(PORTFOLIOS, 21)) == result


def replace_gone(one: State, *closed: int) -> State:
    return gone(*closed, asset=one.asset, portfolio_id=one.portfolio_id)


@settings(deadline=None, max_examples=examples(25))
@given(many_states, st.dictionaries(keys, a_trade), st.randoms())
def test_an_advance_knows_no_order_and_no_other_portfolio(states: list[State], traded: Trades, random: Random) -> None:
    result = advanced(*states, day=21, traded=traded, limits=LIMITS)
    shuffled, mixed = random.sample(states, len(states)), dict(random.sample(list(traded.items()), len(traded)))
    assert advanced(*shuffled, day=21, traded=mixed, limits=LIMITS) == result
    for name in PORTFOLIOS:
        alone = [one for one in states if one.portfolio_id == name]
        own = {key: one for key, one in traded.items() if key[0] == name}
        expected = [one for one in result if one.portfolio_id == name]
        assert advanced(*alone, day=21, traded=own, limits={name: LIMITS[name]}) == expected


@settings(deadline=None, max_examples=examples(25))
@given(many_states, st.dictionaries(keys, a_trade), st.permutations(ASSETS), st.permutations(PORTFOLIOS))
def test_names_do_not_matter(states: list[State], traded: Trades, assets: list[str], portfolios: list[str]) -> None:
    names = dict(zip(ASSETS, assets, strict=True)) | dict(zip(PORTFOLIOS, portfolios, strict=True))

    def renamed(one: State) -> State:
        return replace(one, asset=names[one.asset], portfolio_id=names[one.portfolio_id])

    result = advanced(*states, day=21, traded=traded, limits=LIMITS)
    other_limits = {names[name]: one for name, one in LIMITS.items()}
    other_trades = {(names[name], names[asset]): one for (name, asset), one in traded.items()}
    other = advanced(*map(renamed, states), day=21, traded=other_trades, limits=other_limits)
    assert sorted(other, key=str) == sorted(map(renamed, result), key=str)
