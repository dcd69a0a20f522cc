"""Two classes of traffic that wait for the same thing."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.lanes import PRIORITIES, Lanes, Priority, ahead


def filled(interactive: int, bulk: int) -> Lanes[tuple[Priority, int]]:
    lanes: Lanes[tuple[Priority, int]] = Lanes()
    counts: dict[Priority, int] = {"bulk": bulk, "interactive": interactive}
    for priority, count in counts.items():
        for number in range(count):
            lanes.add((priority, number), priority)
    return lanes


@given(st.lists(st.sampled_from(["interactive", "bulk", "pop", "discard"]), max_size=60))
def test_each_item_comes_out_once_and_in_the_order_of_its_class(steps: list[str]) -> None:
    """Whatever joins and leaves: first in, first out within a class; nothing is lost and nothing comes twice."""
    lanes: Lanes[tuple[Priority, int]] = Lanes()
    there: dict[Priority, list[int]] = {priority: [] for priority in PRIORITIES}
    for number, step in enumerate(steps):
        if step == "pop" and lanes:
            priority, got = lanes.pop()
            assert got == there[priority].pop(0)
        elif step == "discard":
            for name in [name for name in there if there[name]][:1]:
                assert lanes.discard((name, there[name].pop()))
            assert not lanes.discard(("bulk", -1))
        for name in (name for name in there if name == step):
            lanes.add((name, number), name)
            there[name].append(number)
        assert len(lanes) == sum(map(len, there.values()))


@given(st.integers(1, 40), st.integers(0, 400))
def test_bulk_cannot_starve_interactive_nor_be_starved(interactive: int, bulk: int) -> None:
    """However much bulk waits, interactive has three turns of four; bulk has the fourth."""
    lanes = filled(interactive, bulk)
    order = [lanes.pop()[0] for _ in range(len(lanes))]

    last = max(position for position, priority in enumerate(order) if priority == "interactive")
    assert last < ahead("interactive", interactive, bulk) + 1
    first = order.index("bulk") if bulk else 0
    assert first <= 3


def test_a_newcomer_waits_for_its_class_and_its_share_of_the_other() -> None:
    """Of 300 bulk images, an interactive one that comes after three others waits for one at most."""
    assert ahead("interactive", 3, 300) == 4
    assert ahead("interactive", 3, 0) == 3
    assert ahead("bulk", 300, 3) == 12
