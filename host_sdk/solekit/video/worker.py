"""Find the points of a body in a video with MediaPipe, in an environment of its own.

``python worker.py VIDEO [--model FILE.task] [--complexity 1]`` writes lines of JSON: a header, one
line per frame (``t_s`` and ``points``: x, y in pixels and visibility, or null), and a last line
``{"end": frames}``. With ``--check`` it prints the versions. Only mediapipe, cv2 and the standard
library are used: this file is run by another Python than Solekit's. Problems go to stderr, one
line, exit code 3.
"""

import argparse
import json
import os
import sys

FORMAT = "solekit-landmarks"
PROBLEM = 3


def fail(text):
    """End with one line on stderr."""
    sys.stderr.write(f"worker: {text}\n")
    sys.exit(PROBLEM)


def say(row):
    """Write one line of JSON."""
    sys.stdout.write(json.dumps(row, allow_nan=False) + "\n")


def classic(mediapipe, complexity):
    """Return ``find(picture, ms) -> points or None`` of the solutions API."""
    pose = mediapipe.solutions.pose.Pose(model_complexity=complexity)

    def find(picture, ms):  # noqa: ARG001 - one form for both
        found = pose.process(picture).pose_landmarks
        return None if found is None else found.landmark

    return find, f"mediapipe {mediapipe.__version__} pose, complexity {complexity}"


def tasks(mediapipe, path):
    """Return the same of the Tasks API with the user's model."""
    api = mediapipe.tasks
    with open(path, "rb") as file:  # noqa: PTH123 - standard library as small as it can be
        model = file.read()
    options = api.vision.PoseLandmarkerOptions(
        base_options=api.BaseOptions(model_asset_buffer=model),
        running_mode=api.vision.RunningMode.VIDEO,
    )
    landmarker = api.vision.PoseLandmarker.create_from_options(options)

    def find(picture, ms):
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)
        found = landmarker.detect_for_video(image, ms).pose_landmarks
        return found[0] if found else None

    return find, f"mediapipe {mediapipe.__version__} tasks, {os.path.basename(path)}"  # noqa: PTH119


def names(mediapipe):
    """Return the names of the 33 points."""
    landmarks = mediapipe.solutions.pose.PoseLandmark if hasattr(mediapipe, "solutions") else ()
    return [point.name.lower() for point in landmarks]


def run(mediapipe, cv2, arguments):
    """Write the points of every frame."""
    video = cv2.VideoCapture(arguments.video)
    rate_hz = video.get(cv2.CAP_PROP_FPS)
    if not video.isOpened():
        fail(f"{os.path.basename(arguments.video)} is no video that OpenCV can open")  # noqa: PTH119
    if not rate_hz > 0:
        fail("the video does not say how many frames it has in a second")
    if arguments.model:
        find, source = tasks(mediapipe, arguments.model)
    elif hasattr(mediapipe, "solutions"):
        find, source = classic(mediapipe, arguments.complexity)
    else:
        fail(f"mediapipe {mediapipe.__version__} needs a model: give a file .task")
    rows, last_s = 0, -1.0
    while True:
        is_there, picture = video.read()
        if not is_there:
            break
        # The container's own time where it counts on; after the read it is that of this frame.
        now_s = video.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        t_s = now_s if now_s > last_s else last_s + 1.0 / rate_hz
        height, width = picture.shape[:2]
        if rows == 0:
            head = {"format": FORMAT, "version": 1, "source": source, "rate_hz": rate_hz}
            size = {"width_px": width, "height_px": height, "n_frames": count(cv2, video)}
            say({**head, **size, "names": names(mediapipe) or arguments.names.split(",")})
        found = find(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), int(1000 * t_s))
        points = None
        if found is not None:
            points = [
                [
                    round(p.x * width, 2),
                    round(p.y * height, 2),
                    round(min(max(p.visibility, 0), 1), 4),
                ]
                for p in found
            ]
        say({"t_s": round(t_s, 6), "points": points})
        rows, last_s = rows + 1, t_s
    if rows == 0:
        fail("the video has no frame that can be read")
    say({"end": rows})


def count(cv2, video):
    """Return how many frames the container announces, 0 if it does not."""
    announced = video.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(announced) if 0 < announced < 1e9 else 0


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", nargs="?")
    parser.add_argument("--model")
    parser.add_argument("--complexity", type=int, default=1, choices=(0, 1, 2))
    parser.add_argument("--names", default="")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    try:
        import cv2  # pyright: ignore[reportMissingImports]
        import mediapipe  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        fail(f"{error}")
    if arguments.check:
        say({"mediapipe": mediapipe.__version__, "cv2": cv2.__version__})
        return
    if not arguments.video:
        parser.error("no video")
    run(mediapipe, cv2, arguments)


if __name__ == "__main__":
    main()
