"""Example of the algorithm that measures a video: see ``test_algorithms``."""

from tests.video.camera import film, walk


def video_example():
    t_s, points_m, _ = walk(seconds=4.0)
    return "measure", (film(t_s, points_m, noise_px=2.0),), {"leg_length_m": 0.8}


EXAMPLES = {"VideoVariables": video_example}
