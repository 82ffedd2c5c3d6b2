"""Signatures: the vectors of RFC 8032, section 7.1, and what must be refused."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from solefoot.app.ed25519 import verify
from solefoot.app.sha512 import digest

# Public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
        "3dca179c138ac17ad9bef1177331a704",
    ),
]
ORDER = (1 << 252) + 27742317777372353535851937790883648493


def public_of(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def vectors():
    return [tuple(map(bytes.fromhex, vector)) for vector in VECTORS]


@pytest.mark.parametrize("vector", range(4))
def test_a_vector_of_the_rfc_verifies_and_any_change_of_it_does_not(vector):
    key, message, signature = vectors()[vector]
    assert verify(key, message, signature)
    assert not verify(key, message + b"\0", signature)
    for at in (0, 31, 32, 50):
        changed = bytearray(signature)
        changed[at] ^= 1
        assert not verify(key, message, bytes(changed))
    other = bytearray(key)
    other[5] ^= 4
    assert not verify(bytes(other), message, signature)


def test_a_signature_of_another_length_or_with_a_large_s_is_refused():
    key, message, signature = vectors()[1]
    assert not verify(key, message, signature[:63])
    assert not verify(key[:31], message, signature)
    s = int.from_bytes(signature[32:], "little") + ORDER
    assert not verify(key, message, signature[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("y", [0, 1, (1 << 255) - 19 - 1, (1 << 255) - 19, (1 << 255) - 1])
def test_a_key_of_small_order_or_no_point_is_refused(y):
    _, message, signature = vectors()[1]
    for sign in (0, 1 << 255):
        assert not verify((y | sign).to_bytes(32, "little"), message, signature)
        # With such a key R = S B would fit any message.
        assert not verify((y | sign).to_bytes(32, "little"), message, (1).to_bytes(64, "little"))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80))
def test_what_another_implementation_signs_verifies(secret, message):
    private = Ed25519PrivateKey.from_private_bytes(secret)
    signature = private.sign(message)
    assert verify(public_of(private), message, signature)
    assert not verify(public_of(private), message + b"x", signature)


@given(st.binary(max_size=300))
def test_the_digest_is_sha512(data):
    assert digest(data) == hashlib.sha512(data).digest()


SCRIPT = """
import binascii, gc
gc.threshold(1024)
from solefoot.app.ed25519 import verify
h = binascii.unhexlify
for line in LINES:
    key, message, signature = [h(part) for part in line]
    print(verify(key, message, signature), verify(key, message + b"!", signature))
gc.collect()
"""


@pytest.mark.mpy
@pytest.mark.mpy32
def test_the_vectors_hold_on_a_board_in_a_heap_of_40_kb(run_board):
    assert run_board(f"LINES = {VECTORS!r}\n{SCRIPT}", heap="40k") == "True False\n" * 4
