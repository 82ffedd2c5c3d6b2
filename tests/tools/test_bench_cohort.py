"""The figures of the cohort, on far fewer recordings than those they are taken from."""

from tools.bench import cohort


def test_a_way_of_working_has_all_recordings_and_says_its_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(cohort, "SECONDS", 6)
    found = cohort.row(cohort.make(tmp_path, people=1, copies=3), "one core", [])
    assert found["recordings"] == 3
    assert found["MB"] > 50
