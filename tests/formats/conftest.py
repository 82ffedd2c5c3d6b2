"""What the format tests share: loading bytes as a file, and breaking files at random."""

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from solekit.errors import DataError
from solekit.formats import SourceRecording, load_source

MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "drop", "insert", "replace", "repeat", "swap lines"]),
        st.floats(0, 1),  # where
        st.integers(1, 40),  # how much
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from(
                [b"\t", b"\n", b",", b"nan", b"-1", b"1e300", b"inf", b"-", b"0.0", b"B", b"#"]
            ),
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutated(whole: bytes, mutations: list[tuple[str, float, int, bytes]]) -> bytes:
    for kind, where, n, payload in mutations:
        at = int(where * len(whole))
        match kind:
            case "cut":
                whole = whole[:at]
            case "drop":
                whole = whole[:at] + whole[at + n :]
            case "insert":
                whole = whole[:at] + payload + whole[at:]
            case "replace":
                whole = whole[:at] + payload + whole[at + len(payload) :]
            case "repeat":
                whole = whole[: at + n] + whole[at:]
            case "swap lines":
                lines = whole.split(b"\n")
                i = int(where * (len(lines) - 1))
                j = (i + n) % len(lines)
                lines[i], lines[j] = lines[j], lines[i]
                whole = b"\n".join(lines)
    return whole


@pytest.fixture(scope="session")
def mutations() -> st.SearchStrategy:
    return MUTATIONS


@pytest.fixture(scope="session")
def load_bytes(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SourceRecording]:
    """Return ``load(content, name)``: write a file and load it."""
    folder = tmp_path_factory.mktemp("formats")

    def load(content: bytes | str, name: str = "walk_L.txt") -> SourceRecording:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_source(path)

    return load


@pytest.fixture(scope="session")
def load_or_refuse(load_bytes: Callable[..., SourceRecording]) -> Callable[..., None]:
    """Return ``check(content, name, mutations=())``: a valid recording or one DataError."""

    def check(content: bytes, name: str, mutations=()) -> None:
        message = ""
        try:
            recording = load_bytes(mutated(content, list(mutations)), name)
        except DataError as error:
            message, recording = str(error), None
        if recording is None:
            assert message.startswith(name)
            assert len(message) > len(name) + 10
        else:
            assert recording.sides
            assert recording.duration_s > 0
            for foot in recording.feet.values():
                assert foot.force_n.shape == (foot.t_s.size, foot.layout.n_cells)

    return check
