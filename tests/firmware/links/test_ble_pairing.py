"""Who is heard and told anything: bonds, the pairing window, and those who stay outside."""

import pytest

from solecore.wire import gatt
from solecore.wire import messages as m
from solefoot.app.store import Store
from solefoot.links import ble
from solefoot.links.ble_bonds import MAX_SECRETS, Bonds
from solekit_hil.radio.central_model import Central

PING = m.PING.pack(9)
WINDOW_US = 60_000_000
STACKS = pytest.mark.parametrize("stack", ["nimble", "btstack"])


def assert_deaf_and_mute(desk, central, data, reply):
    """Check that whoever is connected learns nothing and is not heard."""
    assert not desk.link.is_up
    n_pieces, n_heard = central.n_pieces, len(desk.heard)
    for i in range(20):
        assert not desk.say(data(i, 60))
        desk.say(reply(1))
        desk.link.battery(30 + i)
        central.write(PING)
        desk.turn(40)
    assert central.n_pieces == n_pieces
    assert len(desk.heard) == n_heard
    assert desk.radio.queue_bytes == 0


@STACKS
@pytest.mark.parametrize("is_checking", [True, False])
def test_a_client_without_a_bond_that_subscribes_and_writes_gets_nothing(
    make_desk, data, reply, stack, is_checking
):
    desk = make_desk(pairs=False, stack=stack)
    desk.radio.is_checking = is_checking  # also if the stack let the write through
    central = desk.central
    assert central.connect()
    assert desk.radio.handle_of(gatt.DATA) in central.subscribed
    # The standard battery value may be read by anybody, but is told to nobody.
    central.subscribed.discard(desk.radio.handle_of("2a19"))
    assert_deaf_and_mute(desk, central, data, reply)


@STACKS
def test_the_battery_is_not_pushed_to_a_stranger_who_subscribes(make_desk, stack):
    desk = make_desk(pairs=False, stack=stack)
    assert desk.central.connect()
    desk.link.battery(42)
    desk.turn(100)
    assert desk.central.n_pieces == 0


@STACKS
@pytest.mark.parametrize("tells_first", [False, True])
def test_a_bond_made_while_the_window_is_shut_is_refused_and_its_maker_sent_away(
    make_desk, data, reply, stack, tells_first
):
    desk = make_desk(pairs=False, stack=stack)
    thief = Central(desk.radio, "thief", tells_first=tells_first)
    assert thief.connect()
    assert not thief.pair()
    assert not desk.link.is_up
    assert not desk.say(data(1))
    thief.write(PING)
    desk.turn()
    assert not thief.is_connected
    desk.turn()
    assert thief.connect()
    assert not thief.encrypt()  # what it kept is worth nothing
    assert_deaf_and_mute(desk, thief, data, reply)
    assert desk.heard == []
    assert b"thief".hex() not in str(desk.store.values)


@STACKS
def test_a_bond_counts_only_once_its_keys_are_kept(make_desk, stack):
    desk = make_desk(pairs=False, stack=stack)
    thief = Central(desk.radio, "thief", tells_first=True)
    assert thief.connect()
    was_up = []
    tell = desk.radio.tell

    def watch(*event):
        answer = tell(*event)
        was_up.append(desk.link.is_up)
        return answer

    desk.radio.tell = watch
    assert not thief.pair()
    assert len(was_up) > 1
    assert not any(was_up)


@STACKS
@pytest.mark.parametrize("tells_first", [False, True])
def test_the_bonds_of_others_do_not_help_a_stranger(make_desk, stack, tells_first):
    desk = make_desk(stack=stack)
    desk.turn(61_000)  # the window has closed
    desk.central.disconnect()
    desk.turn()
    thief = Central(desk.radio, "thief", tells_first=tells_first)
    assert thief.connect()
    assert not thief.encrypt()  # BTstack looks through all bonds for it
    assert not thief.pair()
    assert not desk.link.is_up
    desk.turn()
    assert not thief.is_connected


@STACKS
def test_the_window_opens_when_told_and_closes_in_time(make_desk, stack):
    desk = make_desk(pairs=False, stack=stack)
    assert not desk.link.is_pairing
    desk.link.open_pairing(2_000_000)
    assert desk.link.is_pairing
    desk.turn(1_990)
    assert desk.link.is_pairing
    assert desk.central.connect()
    desk.turn(20)
    assert not desk.link.is_pairing
    assert not desk.central.pair()
    desk.turn()
    assert not desk.central.is_connected
    desk.link.open_pairing(1_000_000)
    desk.turn()
    assert desk.central.connect()
    assert desk.central.pair()
    assert desk.link.is_up


def test_the_window_closes_also_while_nobody_takes_a_turn(make_desk):
    desk = make_desk(pairs=False)
    desk.link.open_pairing(1_000_000)
    assert desk.central.connect()
    desk.radio.advance(desk.radio.now_us + 1_000_001)
    assert not desk.central.pair()
    assert not desk.link.is_up


@STACKS
@pytest.mark.parametrize(("bonds", "key_size"), [(False, 16), (True, 7)])
def test_an_encryption_without_a_bond_or_with_a_short_key_is_none(
    make_desk, data, reply, stack, bonds, key_size
):
    desk = make_desk(pairs=False, stack=stack)
    desk.link.open_pairing(WINDOW_US)
    central = Central(desk.radio, "weak", bonds=bonds, key_size=key_size)
    assert central.connect()
    central.pair()
    assert central.is_encrypted
    assert_deaf_and_mute(desk, central, data, reply)


@STACKS
def test_a_stranger_with_a_borrowed_address_breaks_nobodys_bond(make_desk, stack):
    desk = make_desk(stack=stack)
    desk.turn(61_000)  # the window has closed
    owner = desk.central
    owner.disconnect()
    desk.turn()
    thief = Central(desk.radio, "owner")
    thief.key = b"x"
    assert thief.connect()
    assert not thief.encrypt()
    # NimBLE forgets the old bond before it pairs anew.
    kind, key = (1, b"\1" + thief.address) if stack == "nimble" else (0, b"BTD0")
    assert not desk.radio.tell(30, kind, key, None)
    assert not thief.pair()
    desk.turn(2)
    assert owner.connect()
    assert owner.encrypt()
    assert desk.link.is_up


def test_a_stranger_may_not_hold_the_only_connection_for_ever(make_desk):
    desk = make_desk(pairs=False)
    assert desk.central.connect()
    desk.turn(ble.STRANGER_US // 1000 - 5)
    assert desk.central.is_connected
    desk.turn(10)
    assert not desk.central.is_connected
    desk.turn()
    assert desk.radio.advertised is not None


def test_who_is_about_to_pair_in_the_window_is_not_hurried(make_desk):
    desk = make_desk(pairs=False)
    desk.link.open_pairing(WINDOW_US)
    assert desk.central.connect()
    desk.turn(45_000)
    assert desk.central.pair()


@STACKS
def test_bonds_outlive_a_restart(make_desk, tmp_path, stack):
    store = Store(str(tmp_path / "flash"))
    desk = make_desk(store=store, stack=stack)
    key = desk.central.key
    restarted = make_desk(store=Store(store.folder), pairs=False, stack=stack)
    restarted.central.key = key
    assert restarted.central.connect()
    assert not restarted.link.is_up
    assert restarted.central.encrypt()
    assert restarted.link.is_up
    assert restarted.say(bytes((m.STATS_REPLY.msg_id, 1)))


def test_flash_is_written_once_for_a_bond_and_not_within_the_stacks_call(make_desk):
    desk = make_desk(pairs=False)
    desk.link.open_pairing(WINDOW_US)
    desk.turn()
    desk.central.connect()
    desk.central.pair()
    assert desk.store.n_puts == 0
    desk.turn(50)
    assert desk.store.n_puts == 1


def test_the_oldest_bond_makes_room_for_a_new_one(make_desk):
    desk = make_desk(pairs=False)
    desk.link.open_pairing(WINDOW_US)
    n = MAX_SECRETS // 2  # NimBLE keeps two secrets of a bond
    centrals = [Central(desk.radio, f"user{i}") for i in range(n + 1)]
    for central in centrals:
        desk.turn()
        assert central.connect()
        assert central.pair()
        central.disconnect()
    known = []
    for central in centrals:
        desk.turn()
        assert central.connect()
        known.append(central.encrypt())
        central.disconnect()
    assert known == [False] + [True] * n


def test_the_stacks_own_keys_are_kept_at_start_and_never_evicted(make_store):
    store = make_store()
    bonds = Bonds(store)
    assert bonds.set(0, b"SMER", b"own", False)  # no connection, no window
    bonds.begin(True)
    for i in range(MAX_SECRETS + 3):
        assert bonds.set(0, b"BTD%d" % i, b"%d" % i, True)
    bonds.save()
    again = Bonds(store)
    assert again.get(0, 0, b"SMER") == b"own"
    assert again.get(0, 0, b"BTD2") is None
    assert again.get(0, 0, b"BTD3") == b"3"
    assert again.get(0, 1, None) == b"3"  # the oldest after the own
    assert again.get(0, MAX_SECRETS + 1, None) is None
    assert again.get(1, 0, None) is None


def test_a_bond_can_be_forgotten_in_the_window(make_store):
    bonds = Bonds(make_store())
    bonds.begin(True)
    assert bonds.set(1, b"a", b"1", True)
    assert bonds.set(1, b"a", None, True)
    assert not bonds.set(1, b"a", None, True)
    assert bonds.get(1, 0, b"a") is None
