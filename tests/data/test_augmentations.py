"""Augmentations against NumPy, SciPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from unifml.data.augment import (
    About,
    Color,
    Crop,
    Cutout,
    Flip,
    Jitter,
    Noise,
    Rotate,
    Scale,
    Swap,
    TimeWarp,
)
from unifml.data.augment.turning import rotated
from unifml.errors import ParameterError

IMAGE, SERIES, TABLE = ((12, 9, 3), (20, 4), (6,))
KINDS = {3: "image", 2: "series", 1: "table"}
ALL = [
    *(
        (augmentation, IMAGE)
        for augmentation in (Flip(vertical=True), Crop(2), Rotate(30), Color())
    ),
    *((augmentation, IMAGE) for augmentation in (Cutout(3), Cutout(0.25))),
    *((augmentation, SERIES) for augmentation in (Jitter(), Scale(), TimeWarp())),
    *((augmentation, TABLE) for augmentation in (Noise(), Swap(0.3))),
]


def rows(shape: tuple[int, ...], n: int = 64, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, *shape)).astype(dtype)


def about(shape: tuple[int, ...], **known: object) -> About:
    deviation = np.ones(shape[-1])
    return About(KINDS[len(shape)], **{"deviation": deviation, **known})


def applied(augmentation, X, seed=0, lengths=None, **known):
    rng = np.random.default_rng(seed)
    return augmentation.apply(rng, X.copy(), about(X.shape[1:], **known), lengths)


@pytest.mark.parametrize(("augmentation", "shape"), ALL, ids=lambda case: repr(case)[:24])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_seeds_change_rows_equally_and_keep_shape_and_dtype(augmentation, shape, dtype):
    augmentation.check()
    X = rows(shape, dtype=dtype)
    found = applied(augmentation, X)
    assert found.shape == X.shape
    assert found.dtype == X.dtype
    assert np.array_equal(found, applied(augmentation, X))
    assert not np.array_equal(found, X)
    assert not np.array_equal(found, applied(augmentation, X, seed=1))


def test_flipped_twice_is_as_it_was_and_once_is_a_mirror():
    X = rows(IMAGE)
    once = applied(Flip(), X)
    assert np.array_equal(applied(Flip(), once), X)
    kept = (once == X).all(axis=(1, 2, 3))
    mirrored = (once == X[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (kept ^ mirrored).all()
    assert 20 < mirrored.sum() < 44
    upside_down = applied(Flip(horizontal=False, vertical=True), X)
    changed = (upside_down != X).any(axis=(1, 2, 3))
    assert np.array_equal(upside_down[changed], X[changed][:, ::-1])


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_quarter_turns_move_pixels_onto_pixels(turns):
    X = rows((11, 11, 2), 5)
    found = rotated(X, np.full(5, turns * np.pi / 2))
    assert np.array_equal(found, np.rot90(X, turns, (1, 2)))


@pytest.mark.parametrize("shape", [(16, 16, 2), (9, 14, 1)])
def test_rotation_is_that_of_scipy(shape):
    X = rows(shape, 3, "float64")
    angles = np.array([0.3, -0.7, 1.1])
    middle = (np.array(shape[:2]) - 1) / 2
    for image, turned, angle in zip(X, rotated(X, angles), angles, strict=True):
        back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        for channel in range(shape[2]):
            wanted = ndimage.affine_transform(
                np.pad(image[..., channel], 4), back, middle + 4 - back @ (middle + 4), order=1
            )[4:-4, 4:-4]
            np.testing.assert_allclose(turned[..., channel], wanted, atol=1e-7)


def test_a_crop_is_a_part_of_the_padded_image():
    X = rows(IMAGE, 30)
    found, padded = applied(Crop(2), X), np.pad(X, ((0, 0), (2, 2), (2, 2), (0, 0)))
    corners = set()
    for image, source in zip(found, padded, strict=True):
        places = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if np.array_equal(image, source[i : i + 12, j : j + 9])
        ]
        assert len(places) == 1
        corners.update(places)
    assert len(corners) > 12


def test_colours_change_by_what_they_say():
    X, deviation = rows(IMAGE), np.array([1.0, 2.0, 3.0])
    brighter = applied(Color(0.5, 0, 0), X, deviation=deviation) - X
    shifts = (brighter / deviation).reshape(64, -1)
    assert np.ptp(shifts, axis=1).max() < 1e-5
    assert 0.3 < np.abs(shifts).max() <= 0.5
    contrast = applied(Color(0, 0.5, 0), X)
    np.testing.assert_allclose(contrast.mean((1, 2)), X.mean((1, 2)), atol=1e-5)
    factors = contrast.std((1, 2)) / X.std((1, 2))
    assert np.ptp(factors, axis=1).max() < 1e-5
    assert 0.5 <= factors.min() < 0.7 < 1.3 < factors.max() <= 1.5
    vivid = applied(Color(0, 0, 0.5), X)
    np.testing.assert_allclose(vivid.mean(3), X.mean(3), atol=1e-5)
    np.testing.assert_allclose(vivid.std(3) / X.std(3), factors_of(vivid, X), rtol=1e-3)
    grey = applied(Color(0, 0, 0.5), rows((12, 9, 1)))
    assert np.array_equal(grey, rows((12, 9, 1)))


def factors_of(found: np.ndarray, X: np.ndarray) -> np.ndarray:
    """One factor for a whole image."""
    return np.broadcast_to((found.std(3) / X.std(3)).mean((1, 2), keepdims=True), X.shape[:3])


def test_a_cutout_is_a_square_of_zeros():
    holes = applied(Cutout(4), np.ones((200, *IMAGE), np.float32)) == 0
    areas = holes[..., 0].sum((1, 2))
    assert np.array_equal(holes[..., 0], holes[..., 2])
    assert areas.max() == 16
    assert (areas == 16).mean() > 0.3
    rows_cut, columns_cut = holes[..., 0].any(2).sum(1), holes[..., 0].any(1).sum(1)
    assert np.array_equal(rows_cut * columns_cut, areas)


def test_noise_has_the_deviation_asked_for_and_spares_codes():
    X, deviation = rows(TABLE, 4000), np.arange(1.0, 7.0)
    noise = applied(Noise(0.5), X, deviation=deviation, coded=(0, 3)) - X
    np.testing.assert_allclose(noise.std(0)[[1, 2, 4, 5]], 0.5 * deviation[[1, 2, 4, 5]], rtol=0.05)
    assert not noise[:, [0, 3]].any()


def test_swapped_values_come_from_other_rows_of_their_column():
    X = rows(TABLE, 2000)
    found = applied(Swap(0.2), X)
    swapped = found != X
    assert 0.17 < swapped.mean() < 0.23
    for column in range(6):
        assert np.isin(found[:, column], X[:, column]).all()
    assert np.array_equal(applied(Swap(0.0), X), X)
    assert (applied(Swap(1.0), X) != X).all()


def test_scale_multiplies_each_feature_of_a_row():
    X = rows(SERIES, 2000)
    factors = applied(Scale(0.3), X) / X
    assert np.ptp(factors, axis=1).max() < 1e-3
    assert abs(factors[:, 0].mean() - 1) < 0.02
    assert abs(factors[:, 0].std() - 0.3) < 0.02


def test_warped_time_keeps_both_ends_and_its_order():
    time = np.broadcast_to(np.arange(20.0)[:, None], (50, 20, 1)).copy()
    found = applied(TimeWarp(0.5), time)[..., 0]
    assert np.array_equal(found[:, 0], time[:, 0, 0])
    np.testing.assert_allclose(found[:, -1], 19)
    assert (np.diff(found) > 0).all()
    assert np.abs(found - time[..., 0]).max() > 0.5
    np.testing.assert_allclose(applied(TimeWarp(0.0), time), time, atol=1e-12)


@pytest.mark.parametrize("augmentation", [Jitter(), Scale(), TimeWarp(0.5)], ids=repr)
def test_padding_stays_padding(augmentation):
    X, lengths = rows(SERIES, 30), np.arange(30) % 20 + 1
    X[np.arange(20) >= lengths[:, None]] = 0
    found = applied(augmentation, X, lengths=lengths)
    assert not found[np.arange(20) >= lengths[:, None]].any()
    assert (found != X).any()


def test_a_short_series_is_warped_like_one_without_padding():
    long, lengths = rows(SERIES, 8), np.full(8, 12)
    short = long[:, :12].copy()
    np.testing.assert_allclose(
        applied(TimeWarp(0.5), long, lengths=lengths)[:, :12],
        applied(TimeWarp(0.5), short),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "augmentation",
    [
        Flip(horizontal=False),
        Crop(0),
        Crop(1.5),
        Rotate(0),
        Rotate(200),
        Color(contrast=2),
        Color(brightness=-1),
        Cutout(0),
        Cutout(1.5),
        Noise(-1),
        Noise(float("inf")),
        Swap(1.5),
        Swap(True),
        Jitter("much"),
        Scale(float("nan")),
        TimeWarp(knots=1),
    ],
    ids=repr,
)
def test_values_that_cannot_be_are_refused(augmentation):
    with pytest.raises(ParameterError, match="must hold"):
        augmentation.check()
