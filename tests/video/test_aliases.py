"""Names of the study beside ours."""

import pytest

from solekit.biomarkers.dictionary import variable, variables
from solekit.errors import DataError
from solekit.video import aliases

STATISTICS = ("mean", "max", "min", "range")


def test_every_name_of_the_study_has_a_variable_of_ours_or_none():
    table = aliases("kim2023")
    video = table.iloc[:23]
    assert len(set(table["name"].iloc[23:])) == 6  # of the insole
    assert video["name"].is_unique
    expected = {f"{j}_{s}" for j in ("Knee", "Hip", "Shoulder_angle", "Ankle") for s in STATISTICS}
    expected |= {"All_max_dif", "Hipknee_dif", "Hipankle_dif", "Kneeankle_dif"}
    assert set(video["name"]) == expected | {"Knee_dif", "Ankle_dif", "Hip_dif"}
    ours = {v.name for v in [*variables(), *variables("video")]}
    assert set(table["nearest"]) <= ours | {"none"}
    unknown = set(video.loc[video["nearest"] == "none", "name"])
    assert unknown == {"All_max_dif", "Hipknee_dif", "Hipankle_dif", "Kneeankle_dif"}
    assert video.loc[video["nearest"] == "none", "confidence_pct"].isna().all()
    assert video.loc[video["nearest"] != "none", "confidence_pct"].between(20, 95).all()
    sided = [variable(n).per_side for n in video.loc[video["nearest"] != "none", "nearest"]]
    assert [bool(s) for s in video.loc[video["nearest"] != "none", "side"]] == sided


def test_other_studies_are_not_known():
    with pytest.raises(DataError, match="kim2023"):
        aliases("smith1999")
