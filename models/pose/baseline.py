"""The pressure-to-pose study's network, as published, and two exact rewritings of it.

Variant a, size M of the two natural readings of the paper: kernels, sizes and pooling are the
paper's; channels, paddings and strides are ours, because it prints none. The last layer has a
bias and neither batch norm nor activation. ``native`` is the network with three-dimensional
convolutions. ``sliced`` holds the same weights but carries the height in the batch axis, so that
training takes two-dimensional kernels (several times faster on a processor). ``twin`` is made of
plain Conv2D layers with folded batch norm: what quantises to int8.
"""

# TensorFlow's annotations do not know what its tensors can do.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportIndexIssue=false
# pyright: reportCallIssue=false, reportOperatorIssue=false, reportOptionalOperand=false

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from solekit.inference.frames import GRID, N_FRAMES

N_KEYPOINTS = 19
N_HEIGHTS = 9  # of the features; index 0 to 1 is appended as a channel
ROOM = (20, 20, 18)  # voxels: x, y, z
SIZES = {
    "M": ((32, 64, 128, 128), (128, 64, 32)),
    "S": ((32, 32, 64, 64), (64, 48, 32)),
}
PADDING = (1, 2, 0, 2)
SLOPE = 0.01
MOMENTUM = 0.9  # what PyTorch, in which the study was made, has as 0.1
QUIET = 0.05  # of the usual spread, the last layer's weights at the start
Tensor = Any


def _encoder(x: Tensor, channels: tuple[int, ...], name: str) -> Tensor:
    for i, n in enumerate(channels):
        x = layers.Conv2D(n, 3, padding="same", use_bias=False, name=f"{name}_conv{i + 1}")(x)
        x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm{i + 1}")(x)
        x = layers.LeakyReLU(SLOPE)(x)
        if i % 2:
            x = layers.MaxPooling2D(2)(x)
    return x


def features(size: str, batch: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Return the inputs and the features of both feet side by side, (batch, 7, 10, channels)."""
    shape = (*GRID, N_FRAMES)
    left = keras.Input(shape, batch_size=batch, name="left")
    right = keras.Input(shape, batch_size=batch, name="right")
    channels, _ = SIZES[size]
    both = [_encoder(left, channels, "left"), _encoder(right, channels, "right")]
    return left, right, layers.Concatenate(axis=2, name="features")(both)


@keras.saving.register_keras_serializable("solekit")
class WithHeight(layers.Layer):
    """Repeat features along the height and append its index: (b, x, y, c) to (b, x, y, 9, c+1)."""

    def call(self, x: Tensor) -> Tensor:
        """Return the voxels."""
        shape = tf.shape(x)
        spread = tf.repeat(x[:, :, :, None, :], N_HEIGHTS, axis=3)
        index = tf.reshape(tf.linspace(0.0, 1.0, N_HEIGHTS), (1, 1, 1, N_HEIGHTS, 1))
        index = tf.tile(index, [shape[0], shape[1], shape[2], 1, 1])
        return tf.concat([spread, index], axis=-1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the voxels."""
        return (*shape[:3], N_HEIGHTS, int(shape[3] or 0) + 1)


def native(size: str = "M", batch: int | None = None) -> keras.Model:
    """Return the network as published: (batch, 30, 22, 40) twice to (batch, 20, 20, 18, 19)."""
    left, right, x = features(size, batch)
    x = WithHeight()(x)
    one, two, three = SIZES[size][1]
    steps = (
        layers.Conv3D(one, (3, 5, 5), use_bias=False, name="decode1"),
        layers.Conv3D(two, (3, 4, 3), use_bias=False, name="decode2"),
        layers.Conv3DTranspose(three, 2, strides=2, use_bias=False, name="decode3"),
        layers.Conv3D(N_KEYPOINTS, (3, 3, 5), name="decode4"),
    )
    for i, step in enumerate(steps):
        x = step(layers.ZeroPadding3D(PADDING[i])(x) if PADDING[i] else x)
        if i < 3:
            x = layers.LeakyReLU(SLOPE)(
                layers.BatchNormalization(momentum=MOMENTUM, name=f"norm{i + 1}")(x)
            )
    return keras.Model([left, right], x, name=f"study_{size}")


class _Sliced(layers.Layer):
    """A convolution over height slices: tensors are (heights, batch, x, y, channels)."""

    def __init__(self, filters: int, kernel: tuple[int, int, int], padding: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.padding = filters, kernel, padding

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        own = {"filters": self.filters, "kernel": self.kernel_size, "padding": self.padding}
        return {**super().get_config(), **own}

    def _add(self, n_in: int, *, has_bias: bool = False, is_transposed: bool = False) -> None:
        ends = (self.filters, n_in) if is_transposed else (n_in, self.filters)
        shape = (*self.kernel_size, *ends)
        # Fan in and out as Keras counts them for the three-dimensional layer.
        # Heat maps begin near zero: else hundreds of steps go into calming them.
        scale = QUIET**2 if has_bias else 1.0
        first = keras.initializers.VarianceScaling(scale, "fan_avg", "uniform")
        self.kernel = self.add_weight(shape=shape, initializer=first, name="kernel")
        if has_bias:
            self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")


@keras.saving.register_keras_serializable("solekit")
class FirstSliced(_Sliced):
    """Height index and first convolution at once: features are the same at every height.

    (batch, x, y, c) to (heights, batch, x', y', filters). Where the kernel's taps along the height
    fall inside, they can be summed before the convolution; the index gives a constant map.
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the kernel of the three-dimensional layer."""
        self._add(int(shape[-1] or 0) + 1)

    def _taps(self) -> list[tuple[int, ...]]:
        n, pad = self.kernel_size[2], self.padding
        heights = range(N_HEIGHTS + 2 * pad - n + 1)
        return [tuple(t for t in range(n) if 0 <= z - pad + t < N_HEIGHTS) for z in heights]

    def maps(self, x: int, y: int) -> Tensor:
        """Return what the height index adds, (heights, x', y', filters)."""
        pad = self.padding
        index = tf.reshape(tf.linspace(0.0, 1.0, N_HEIGHTS), (1, 1, 1, N_HEIGHTS, 1))
        index = tf.pad(tf.tile(index, [1, x, y, 1, 1]), [[0, 0], *[[pad, pad]] * 3, [0, 0]])
        found = tf.nn.conv3d(index, self.kernel[..., -1:, :], [1] * 5, "VALID")
        return tf.transpose(found[0], (2, 0, 1, 3))

    def summed(self) -> tuple[Tensor, list[int]]:
        """Return the distinct summed kernels side by side, and which one each height takes."""
        taps = self._taps()
        distinct = sorted(set(taps))
        kernel = self.kernel[..., :-1, :]
        sums = [tf.reduce_sum(kernel[:, :, a[0] : a[-1] + 1], axis=2) for a in distinct]
        return tf.concat(sums, axis=-1), [distinct.index(a) for a in taps]

    def call(self, x: Tensor) -> Tensor:
        """Convolve."""
        kernel, which = self.summed()
        pad = self.padding
        flat = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
        parts = tf.split(tf.nn.conv2d(flat, kernel, 1, "VALID"), max(which) + 1, axis=-1)
        maps = self.maps(int(x.shape[1]), int(x.shape[2]))
        return tf.stack([parts[i] for i in which]) + maps[:, None]


@keras.saving.register_keras_serializable("solekit")
class Sliced(_Sliced):
    """Conv3D: one Conv2D for all taps along the height, added up slice by slice."""

    def __init__(self, *args: Any, use_bias: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.use_bias = use_bias

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "use_bias": self.use_bias}

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the kernel of the three-dimensional layer."""
        self._add(int(shape[-1] or 0), has_bias=self.use_bias)

    def call(self, x: Tensor) -> Tensor:
        """Convolve."""
        pad, n = self.padding, self.kernel_size[2]
        shape = tf.shape(x)
        flat = tf.reshape(x, (-1, *x.shape[2:]))
        flat = tf.pad(flat, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
        taps = tf.concat(tf.unstack(self.kernel, axis=2), axis=-1)
        y = tf.nn.conv2d(flat, taps, 1, "VALID")
        y = tf.reshape(y, (x.shape[0], shape[1], y.shape[1], y.shape[2], n * self.filters))
        # Adding up what every tap saw of its own slice is far cheaper than copying slices first.
        parts = [tf.unstack(part, axis=0) for part in tf.split(y, n, axis=-1)]
        heights = range(x.shape[0])
        sums = [
            tf.add_n([parts[t][z + t] for t in range(n) if z + t in heights])
            for z in range(-pad, x.shape[0] + pad - n + 1)
        ]
        y = tf.stack(sums)
        return y + self.bias if self.use_bias else y


@keras.saving.register_keras_serializable("solekit")
class UpSliced(_Sliced):
    """Conv3DTranspose of kernel and stride 2: one Conv2DTranspose for even and odd heights."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the kernel of the three-dimensional layer."""
        self._add(int(shape[-1] or 0), is_transposed=True)

    def call(self, x: Tensor) -> Tensor:
        """Convolve."""
        shape = tf.shape(x)
        n, wide, deep, channels = x.shape[0], x.shape[2], x.shape[3], x.shape[4]
        flat = tf.reshape(x, (-1, wide, deep, channels))
        out = (n * shape[1], 2 * wide, 2 * deep, self.filters)
        halves = [
            tf.nn.conv2d_transpose(flat, self.kernel[:, :, i], out, 2, "VALID") for i in (0, 1)
        ]
        split = [tf.reshape(half, (n, shape[1], *half.shape[1:])) for half in halves]
        return tf.reshape(
            tf.stack(split, axis=1), (2 * n, shape[1], 2 * wide, 2 * deep, self.filters)
        )


def sliced(size: str = "M") -> keras.Model:
    """Return the trainable rewriting; its weights fit ``native`` in the same order.

    The output is (18, batch, 20, 20, 19): height first.
    """
    left, right, x = features(size)
    one, two, three = SIZES[size][1]
    steps = (
        FirstSliced(one, (3, 5, 5), PADDING[0], name="decode1"),
        Sliced(two, (3, 4, 3), PADDING[1], name="decode2"),
        UpSliced(three, (2, 2, 2), PADDING[2], name="decode3"),
        Sliced(N_KEYPOINTS, (3, 3, 5), PADDING[3], use_bias=True, name="decode4"),
    )
    for i, step in enumerate(steps):
        x = step(x)
        if i < 3:
            x = layers.LeakyReLU(SLOPE)(
                layers.BatchNormalization(momentum=MOMENTUM, name=f"norm{i + 1}")(x)
            )
    return keras.Model([left, right], x, name=f"study_{size}_sliced")


def as_native(model: keras.Model, size: str) -> keras.Model:
    """Return ``native`` with the weights of a trained ``sliced``."""
    found = native(size)
    found.set_weights(model.get_weights())
    return found


def heights_last(room: np.ndarray) -> np.ndarray:
    """Return (18, batch, 20, 20, 19) of ``sliced`` as (batch, 20, 20, 18, 19) of ``native``."""
    return np.moveaxis(room, 0, 3)


@keras.saving.register_keras_serializable("solekit")
class Plus(layers.Layer):
    """Add a constant map."""

    def __init__(self, value: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.value = np.asarray(value, np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "value": self.value.tolist()}

    def call(self, x: Tensor) -> Tensor:
        """Add."""
        return x + self.value


@keras.saving.register_keras_serializable("solekit")
class Heights(layers.Layer):
    """Lay out height slices, which lie in the batch axis: gather, pad, join in the channels.

    ``mode`` says which: ``split`` (1, x, y, k*c) to slices by ``which``; ``taps`` joins ``n``
    shifted copies after ``padding``; ``interleave`` (h, x, y, 2*c) to (2*h, x, y, c).
    """

    def __init__(self, mode: str, *, which: Any = (), n: int = 1, padding: int = 0, **kw: Any):
        super().__init__(**kw)
        self.mode, self.which, self.n, self.padding = mode, tuple(which), n, padding

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        own = {"mode": self.mode, "which": self.which, "n": self.n, "padding": self.padding}
        return {**super().get_config(), **own}

    def call(self, x: Tensor) -> Tensor:
        """Lay out."""
        if self.mode == "split":
            parts = tf.split(x, max(self.which) + 1, axis=-1)
            return tf.concat([parts[i] for i in self.which], axis=0)
        if self.mode == "taps":
            x = tf.pad(x, [[self.padding] * 2, [0, 0], [0, 0], [0, 0]])
            heights = x.shape[0] - self.n + 1
            return tf.concat([x[t : t + heights] for t in range(self.n)], axis=-1)
        even, odd = tf.split(x, 2, axis=-1)
        shape = (2 * x.shape[0], *even.shape[1:])
        return tf.reshape(tf.stack([even, odd], axis=1), shape)


def _folded(model: keras.Model, i: int, kernel: Any) -> tuple[Any, Any]:
    """Return kernel and bias of decoder layer ``i`` with its batch norm folded in."""
    norm = model.get_layer(f"norm{i}")
    gamma, beta, mean, variance = (np.asarray(w) for w in norm.get_weights())
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return kernel * scale, beta - mean * scale


def twin(model: keras.Model, size: str = "M") -> keras.Model:
    """Return what computes as ``model`` (sliced or native) does, made for int8, for one window.

    Conv2D and Conv2DTranspose only, heights in the batch axis, batch norms of the decoder folded;
    the output is (18, 20, 20, 19): height, x, y, key point.
    """
    source = sliced(size)
    source.set_weights(model.get_weights())
    left, right, x = features(size, batch=1)
    encoder = keras.Model([left, right], x)
    encoder.set_weights(
        keras.Model(source.inputs, source.get_layer("features").output).get_weights()
    )
    first = source.get_layer("decode1")
    _, bias = _folded(source, 1, 1.0)
    scale, _ = _folded(source, 1, 1.0)
    kernel, which = first.summed()
    kernel = np.asarray(kernel) * np.tile(scale, max(which) + 1)
    maps = np.asarray(first.maps(7, 10)) * scale + bias
    conv = layers.Conv2D(kernel.shape[-1], kernel.shape[:2], use_bias=False)
    x = conv(layers.ZeroPadding2D(PADDING[0])(x))
    conv.set_weights([kernel])
    x = layers.LeakyReLU(SLOPE)(Plus(maps)(Heights("split", which=which)(x)))
    for i in (2, 3, 4):
        step, pad = source.get_layer(f"decode{i}"), PADDING[i - 1]
        kernel = np.asarray(step.kernel)
        if i == 3:
            # (2, 2, heights, out, in): even and odd heights side by side in what comes out.
            scale, bias = _folded(source, 3, 1.0)
            kernel = np.concatenate([kernel[:, :, z] * scale[:, None] for z in (0, 1)], axis=2)
            conv = layers.Conv2DTranspose(kernel.shape[2], 2, strides=2)
            x = Heights("interleave")(conv(x))
            conv.set_weights([kernel, np.tile(bias, 2)])
        else:
            kernel, bias = _folded(source, 2, kernel) if i == 2 else (kernel, step.bias)
            wide, deep, n, n_in, n_out = kernel.shape
            conv = layers.Conv2D(n_out, (wide, deep))
            x = Heights("taps", n=n, padding=pad)(x)
            x = conv(layers.ZeroPadding2D(pad)(x) if pad else x)
            conv.set_weights([kernel.reshape(wide, deep, n * n_in, n_out), np.asarray(bias)])
        x = layers.LeakyReLU(SLOPE)(x) if i < 4 else x
    return keras.Model([left, right], x, name=f"study_{size}_twin")
