import pytest

from tests.recorded import Recorder


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    return Recorder(tmp_path_factory.mktemp("sync"))
