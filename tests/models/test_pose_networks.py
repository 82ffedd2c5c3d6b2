"""The study's network, its rewritings, and ours."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="the extra 'train' is not installed")

from models.pose import baseline, losses, network, study  # noqa: E402
from solekit.inference import decode  # noqa: E402


@pytest.fixture(scope="module")
def windows():
    rng = np.random.default_rng(5)
    return [rng.random((2, 30, 22, 40), np.float32) for _ in range(2)]


def _settled(model, seed):
    """Give batch norms statistics that are not those of a new one."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "moving_mean" in weight.path or weight.path.endswith("beta"):
            weight.assign(rng.normal(0, 0.1, weight.shape))
        elif "moving_var" in weight.path or weight.path.endswith("gamma"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


@pytest.mark.parametrize("size", ["S", "M"])
def test_the_sliced_form_computes_what_the_published_network_computes(size, windows):
    keras.utils.set_random_seed(1)
    sliced = _settled(baseline.sliced(size), 2)
    native = baseline.as_native(sliced, size)
    truth = native(windows).numpy()
    assert truth.shape == (2, 20, 20, 18, 19)
    found = baseline.heights_last(sliced(windows).numpy())
    assert np.abs(found - truth).max() < 1e-5 * np.abs(truth).max()


def test_the_twin_of_plain_convolutions_computes_the_same(windows):
    keras.utils.set_random_seed(3)
    sliced = _settled(baseline.sliced("S"), 4)
    twin = baseline.twin(sliced, "S")
    one = [foot[:1] for foot in windows]
    truth = sliced(one).numpy()[:, 0]
    found = twin(one).numpy()
    assert found.shape == (18, 20, 20, 19)
    assert np.abs(found - truth).max() < 1e-5 * np.abs(truth).max()
    assert {type(layer).__name__ for layer in twin.layers}.isdisjoint({"Conv3D", "Sliced"})


def test_the_sizes_are_those_of_the_paper():
    native = baseline.native("M")
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in native.layers}
    assert shapes["features"] == (7, 10, 128)
    assert shapes["decode1"] == (7, 8, 7, 128)
    assert shapes["decode2"] == (9, 9, 9, 64)
    assert shapes["decode3"] == (18, 18, 18, 32)
    assert [layer.kernel_size for layer in native.layers if layer.name.startswith("decode")] == [
        (3, 5, 5),
        (3, 4, 3),
        (2, 2, 2),
        (3, 3, 5),
    ]


def test_heat_maps_decode_to_the_key_points_they_were_made_from():
    rng = np.random.default_rng(0)
    truth = rng.uniform([-0.6, -0.6, 0.2], [0.6, 0.6, 1.8], (4, 19, 3)).astype(np.float32)
    found = study.keypoints_m(study.heatmaps(truth)).numpy()
    # Half a voxel: what lies far away pulls inward.
    assert np.abs(found - truth).max() < 0.05


def test_simcc_logits_decode_to_their_expectation_on_host_and_in_training():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(3, 2, 19, sum(decode.N_BINS))).astype(np.float32)
    assert np.allclose(losses.expectation(logits)[0], decode.keypoints(logits), atol=1e-5)


def test_the_loss_is_least_at_the_truth_and_passes_over_unseen_key_points():
    centres = decode.bin_centres()
    truth = np.zeros((1, 2, 19, 3), np.float32)
    parts = [-0.5 * ((c - 0.0) / (c[1] - c[0])) ** 2 for c in centres]
    right = np.broadcast_to(np.concatenate(parts), (1, 2, 19, sum(decode.N_BINS))).astype("f4")
    at = float(losses.simcc(right, truth))
    assert at < float(losses.simcc(np.roll(right, 3, axis=-1), truth))
    truth[0, 0, 5] = np.nan
    assert float(losses.simcc(right, truth)) == pytest.approx(at, rel=1e-4)


@pytest.mark.parametrize("encoder", [network.grid_encoder, lambda: network.cells_encoder(22)])
def test_feet_share_one_encoder_but_are_not_interchangeable(encoder):
    keras.utils.set_random_seed(1)
    model = network.pose_network(encoder())
    rng = np.random.default_rng(2)
    shape = (1, *model.inputs[0].shape[1:])
    left, right = (rng.random(shape, np.float32) for _ in range(2))
    there, swapped = model([left, right]).numpy(), model([right, left]).numpy()
    assert there.shape == (1, 2, 19, sum(decode.N_BINS))
    assert np.abs(there - swapped).max() > 1e-3
