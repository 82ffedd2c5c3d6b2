"""Names of markers: which place on the body each one means, as laboratories write them."""

from __future__ import annotations

import re

# Place -> how it is written, without side, in lower case, letters and digits only.
_PLACES = {
    "asis": ("asis", "asi", "ias", "antsupiliac", "fwt", "asis1"),
    "psis": ("psis", "psi", "ips", "bwt", "postsupiliac"),
    "sacrum": ("sacr", "sacral", "sacrum", "vsacral", "vsacrum", "mai"),
    "hip": ("hjc", "hjcreg", "hipjc", "hip"),
    "knee": ("kjc",),
    "knee_lateral": (
        *("knee", "kne", "lfc", "fle", "latcon", "lknee", "kneelat", "latknee", "kneelateral"),
        *(
            "lek",
            "lepi",
            "le",
            "latepicondyle",
            "kneelateralepicondyle",
            "kneeout",
            "lateralknee",
            "femlatepi",
        ),
    ),
    "knee_medial": (
        *("mfc", "fme", "mknee", "kneemed", "medknee", "kneemedial", "mek", "medcon", "me"),
        *("medialknee", "kneein"),
    ),
    "ankle": ("ajc",),
    "ankle_lateral": (
        *("ankle", "ank", "lmal", "fal", "latmal", "anklelat", "lm", "latankle"),
        *("lateralmalleolus", "anklelateral", "lankle", "lateralankle"),
    ),
    "ankle_medial": (
        *("mmal", "tam", "mankle", "medmal", "anklemed", "mm", "medankle", "anklemedial"),
        "medialankle",
    ),
    "shoulder": (
        *(
            "shoulder",
            "sho",
            "acr",
            "acrom",
            "sh",
            "ac",
            "acromium",
            "acromion",
            "should",
            "sae",
            "shld",
        ),
        *("sjc", "shoul"),
    ),
    "elbow_lateral": ("elbowlat", "lel", "elb", "elbow", "ejc", "hle", "latelbow", "elbowl"),
    "elbow_medial": ("elbowmed", "mel", "hme", "medelbow", "elbowm", "melb"),
    "wrist": (
        *("wristradius", "wristulna", "faradius", "faulna", "wra", "wrb", "wristmed", "wristlat"),
        *("wrist", "rsp", "usp", "wri", "wrists"),
    ),
    "c7": ("c7", "cv7"),
    "sternum": (
        "clav",
        "sjn",
        "sternum",
        "strn",
        "sxs",
        "stern",
        "manubrium",
        "ij",
        "px",
        "jug",
        "xiph",
        "xiphoid",
    ),
    "head": ("fhd", "bhd", "temple", "tophead", "cheec", "head", "forehead", "rearhead"),
    "thigh": (),
    "shank": (),
}
_WORDS = {word: place for place, words in _PLACES.items() for word in words}
_CLUSTER = (
    (
        "thigh",
        re.compile(r"(th[0-9ia]?\d*|thigh(\d*|upper|front|rear|lat|med|prox|dist)|ft|gtr)$"),
    ),
    (
        "shank",
        re.compile(
            r"(tb\d*|tib\d*|shank(\d*|antsup|upper|front|rear|lat|med|prox|dist)|sh\d+|sk|tt)$"
        ),
    ),
)
_MIDDLE = ("c7", "sternum", "sacrum", "head")


def place_of(label: str) -> tuple[str, str] | None:
    """Return the side (``left``, ``right`` or empty) and the place that a label names.

    None if it is none that the body is built from.
    """
    # Before a colon stands who wears the marker.
    plain = re.sub(r"[^a-z0-9]", "", label.lower().rpartition(":")[2])
    if plain in _WORDS and _WORDS[plain] == "psis":
        return "", "sacrum"  # one marker for both
    if plain in _WORDS and _WORDS[plain] in _MIDDLE:
        return "", _WORDS[plain]
    for side, marks in (("left", ("left", "lx", "l")), ("right", ("right", "rx", "r"))):
        for mark in marks:
            if plain.startswith(mark):
                place = _word(plain[len(mark) :])
                if place:
                    return "" if place in _MIDDLE else side, place
    return _side_last(plain)


def _side_last(plain: str) -> tuple[str, str] | None:
    for side, marks in (("left", ("left", "l")), ("right", ("right", "r"))):
        for mark in marks:
            if plain.endswith(mark):
                place = _word(plain[: -len(mark)])
                if place:
                    return "" if place in _MIDDLE else side, place
    return None


def _word(word: str) -> str:
    if word in _WORDS:
        return _WORDS[word]
    for place, pattern in _CLUSTER:
        if pattern.match(word):
            return place
    return ""
