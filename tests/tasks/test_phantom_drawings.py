"""What phantoms show: structures of plausible size and contrast, data sets that look unlike."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from tasks.phantoms.chest import CXR8, JSRT, SIIM, ChestPhantom, draw_chest
from tasks.phantoms.eye import FundusLook
from tasks.phantoms.fields import derived_rng, smooth_field
from tasks.phantoms.fundus import FundusPhantom, draw_fundus
from tasks.phantoms.looks import (
    CHASEDB1,
    DRISHTI,
    EYEPACS_CAMERAS,
    HRF,
    IDRID,
    RITE,
    STARE,
    of_person,
)
from tasks.phantoms.observers import soft_map


@pytest.mark.parametrize(
    ("look", "disc", "vessel"),
    [
        (IDRID, (0.010, 0.030), (0.05, 0.13)),
        (HRF, (0.008, 0.030), (0.05, 0.13)),
        (CHASEDB1, (0.015, 0.035), (0.05, 0.13)),
    ],
)
def test_fundus_structures_have_realistic_areas(
    look: FundusLook, disc: tuple[float, float], vessel: tuple[float, float]
) -> None:
    drawn = [draw_fundus(look, 128, 0.8, i % 2 == 0, derived_rng(0, "", str(i))) for i in range(8)]
    for phantom in drawn:
        masks = phantom.masks
        assert disc[0] < masks["disc"].mean() < disc[1]
        assert vessel[0] < masks["vessel"].mean() < vessel[1]
        assert 0.002 < masks["hard_exudates"].mean() < 0.04
        assert not (masks["cup"] & ~masks["disc"]).any()
        assert not any((mask & ~masks["view"]).any() for mask in masks.values())
    assert 0.06 < np.mean([p.masks["vessel"].mean() for p in drawn]) < 0.12
    assert 0.003 < np.mean([p.masks["hard_exudates"].mean() for p in drawn]) < 0.03


def test_fundus_structures_can_be_seen() -> None:
    phantom = draw_fundus(IDRID, 128, 0.8, True, derived_rng(0, "seen", "1"))
    green = phantom.image[..., 1].astype(float)
    masks = phantom.masks
    retina = masks["view"] & ~masks["disc"] & ~masks["vessel"] & ~masks["hard_exudates"]
    vessel = masks["vessel"] & ~masks["disc"]
    for structure, least, most in (
        (masks["disc"], 1.2, 3.0),
        (masks["hard_exudates"], 1.05, 2.0),
        (vessel, 0.6, 0.95),
    ):
        around = binary_dilation(structure, iterations=4) & retina
        assert least < green[structure].mean() / green[around].mean() < most


def test_healthy_eyes_have_no_lesions() -> None:
    masks = draw_fundus(IDRID, 64, 0.0, False, derived_rng(0, "healthy", "1")).masks
    for kind in ("hard_exudates", "soft_exudates", "haemorrhages", "microaneurysms"):
        assert not masks[kind].any()


def test_right_and_left_eyes_are_mirrored() -> None:
    for right in (True, False):
        phantom = draw_fundus(IDRID, 64, 0.0, right, derived_rng(0, "side", "1"))
        columns = np.flatnonzero(phantom.masks["disc"].any(axis=0))
        assert (columns.mean() > 0.465 * phantom.image.shape[1]) == right


def lung_share(phantom: ChestPhantom) -> float:
    return float((phantom.masks["left_lung"] | phantom.masks["right_lung"]).mean())


def test_chest_structures_have_realistic_areas() -> None:
    for i in range(10):
        phantom = draw_chest(JSRT, 96, False, derived_rng(0, "chest", str(i)))
        masks = phantom.masks
        assert 0.2 < lung_share(phantom) < 0.36
        assert 0.05 < masks["heart"].mean() < 0.13
        assert 0.005 < masks["left_clavicle"].mean() < 0.02
        assert not (masks["heart"] & (masks["left_lung"] | masks["right_lung"])).any()
        assert not masks["pneumothorax"].any()
        # The patient's left is on the right of the picture.
        assert center(masks["left_lung"]) > center(masks["heart"]) > center(masks["right_lung"])


def center(mask: np.ndarray) -> float:
    return float(np.flatnonzero(mask.any(axis=0)).mean())


def test_pneumothorax_lies_in_a_lung_and_is_dark() -> None:
    phantom = draw_chest(CXR8, 128, True, derived_rng(0, "pneumothorax", "1"))
    masks = phantom.masks
    lungs = masks["left_lung"] | masks["right_lung"]
    assert masks["pneumothorax"].any()
    assert not (masks["pneumothorax"] & ~lungs).any()
    assert phantom.image[masks["pneumothorax"]].mean() < phantom.image.mean()


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[FundusPhantom]]:
    """Six healthy eyes a look."""
    looks = {"rite": RITE, "stare": STARE, "drishti": DRISHTI, "chase": CHASEDB1, "hrf": HRF}
    return {
        name: [
            draw_fundus(look, 128, 0.0, i % 2 == 0, derived_rng(0, name, str(i))) for i in range(6)
        ]
        for name, look in looks.items()
    }


#: Field of view over the picture; disc and cup over the field of view: mean of six eyes. The bands
#: do not overlap where the data sets differ.
LOOKS = {
    "rite": ((0.68, 0.70), (0.018, 0.026), (0.08, 0.4)),
    "stare": ((0.74, 0.78), (0.032, 0.046), (0.1, 0.5)),
    "drishti": ((0.82, 0.86), (0.042, 0.06), (0.5, 0.8)),
    "chase": ((0.68, 0.70), (0.028, 0.042), (0.15, 0.5)),
    "hrf": ((0.83, 0.86), (0.012, 0.02), (0.15, 0.5)),
}


@pytest.mark.parametrize("name", LOOKS)
def test_every_data_set_has_its_look(name: str, drawn: dict[str, list[FundusPhantom]]) -> None:
    masks = [phantom.masks for phantom in drawn[name]]
    view = np.mean([m["view"].mean() for m in masks])
    disc = np.mean([m["disc"].sum() / m["view"].sum() for m in masks])
    cup = np.mean([m["cup"].sum() / m["disc"].sum() for m in masks])
    for share, (least, most) in zip((view, disc, cup), LOOKS[name], strict=True):
        assert least < share < most
    assert all(m["vessel"].any() and m["disc"].any() and m["cup"].any() for m in masks)


def test_discs_lie_where_the_cameras_aim(drawn: dict[str, list[FundusPhantom]]) -> None:
    away = {
        name: np.mean([abs(p.disc[0] / p.image.shape[1] - 0.5) for p in phantoms])
        for name, phantoms in drawn.items()
    }
    assert away["chase"] < 0.12
    assert min(away["rite"], away["drishti"]) > 0.2
    for phantom in drawn["drishti"]:  # disc and macula at either side of the middle
        middle = (phantom.disc[0] + phantom.fovea[0]) / 2 / phantom.image.shape[1]
        assert abs(middle - 0.5) < 0.1


def test_fields_of_view_are_cut_off_as_published(drawn: dict[str, list[FundusPhantom]]) -> None:
    for phantom in drawn["stare"]:
        view = phantom.masks["view"]
        assert not view[[0, 1, -2, -1]].any()
        assert view[6].mean() > 0.2  # a straight edge, not the tip of a circle
    for phantom in drawn["rite"]:
        assert not phantom.masks["view"][[0, -1]].any()
        assert phantom.masks["view"][6].mean() < 0.4


def test_disc_and_fovea_lie_where_they_are_said_to(drawn: dict[str, list[FundusPhantom]]) -> None:
    for phantom in drawn["rite"]:
        rows, columns = np.nonzero(phantom.masks["disc"])
        assert np.hypot(columns.mean() - phantom.disc[0], rows.mean() - phantom.disc[1]) < 2
        x, y = np.round(phantom.fovea).astype(int)
        assert phantom.masks["view"][y, x]
        near = phantom.image[y - 3 : y + 4, x - 3 : x + 4, 1].mean()
        assert near < phantom.image[phantom.masks["view"]][:, 1].mean()


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_observers_of_vessels_agree_as_real_ones(drawn: dict[str, list[FundusPhantom]]) -> None:
    for name in ("chase", "stare"):
        pairs = [(p.masks["vessel"], p.masks["vessel_second"]) for p in drawn[name]]
        assert 0.68 < np.mean([dice(*pair) for pair in pairs]) < 0.86
        assert not any((p.masks["vessel_second"] & ~p.masks["view"]).any() for p in drawn[name])


def test_eyes_of_one_person_mirror_each_other() -> None:
    def pair(person: str) -> tuple[FundusPhantom, FundusPhantom]:
        look = of_person(CHASEDB1, derived_rng(0, "person", person))
        left, right = (
            draw_fundus(look, 96, 0.0, side == "R", derived_rng(0, "eye", person + side))
            for side in "LR"
        )
        return left, right

    def traits(eye: FundusPhantom, mirrored: bool) -> np.ndarray:
        across = eye.disc[0] / eye.image.shape[1]
        colour = eye.image[eye.masks["view"]].mean(axis=0) / 255
        return np.array([1 - across if mirrored else across, eye.disc_radius / 96, *colour])

    pairs = [pair(str(person)) for person in range(8)]
    rights = [traits(right, mirrored=False) for _, right in pairs]
    lefts = [traits(left, mirrored=True) for left, _ in pairs]
    own = np.mean([np.abs(a - b) for a, b in zip(lefts, rights, strict=True)], axis=0)
    others = np.mean(
        [np.abs(a - b) for a, b in zip(lefts, rights[1:] + rights[:1], strict=True)], axis=0
    )
    assert own.mean() < 0.6 * others.mean()
    assert own[0] < 0.03
    for left, right in pairs:  # but no eye is the mirror image of another
        assert dice(left.masks["vessel"][:, ::-1], right.masks["vessel"]) < 0.7


def test_a_person_stays_within_the_data_set() -> None:
    look = of_person(RITE, derived_rng(0, "person", "1"))
    assert (look.aspect, look.view_radius, look.reflexes) == (RITE.aspect, RITE.view_radius, 3)
    for name in ("disc_x", "red", "vein_width", "cup"):
        (low, high), (least, most) = getattr(look, name), getattr(RITE, name)
        assert least <= low < high <= most
        assert high - low == pytest.approx(0.15 * (most - least))


def test_the_pools_cameras_differ() -> None:
    shares = []
    for camera in EYEPACS_CAMERAS:
        phantom = draw_fundus(camera, 64, 0.0, True, derived_rng(0, "camera", "1"))
        shares.append((phantom.image.shape, round(float(phantom.masks["view"].mean()), 1)))
    assert len(set(shares)) == len(EYEPACS_CAMERAS) == 3


def test_pneumothoraces_are_mostly_small() -> None:
    shares = []
    for i in range(30):
        phantom = draw_chest(SIIM, 64, True, derived_rng(0, "siim", str(i)))
        free = phantom.masks["pneumothorax"]
        assert not (free & ~(phantom.masks["left_lung"] | phantom.masks["right_lung"])).any()
        shares.append(float(free.mean()))
    assert min(shares) >= 0.0006
    assert max(shares) < 0.15
    assert 0.005 < np.median(shares) < 0.025
    assert max(shares) > 8 * min(shares)


def test_small_pneumothoraces_lie_at_the_top() -> None:
    tops = 0
    for i in range(12):
        masks = draw_chest(SIIM, 96, True, derived_rng(1, "siim", str(i))).masks
        free, lungs = masks["pneumothorax"], masks["left_lung"] | masks["right_lung"]
        rows = np.flatnonzero(lungs.any(axis=1))
        if free.mean() < 0.01:
            tops += 1
            assert np.flatnonzero(free.any(axis=1)).max() < rows.min() + 0.7 * len(rows)
    assert tops >= 3


def test_votes_of_four_observers() -> None:
    y, x = np.mgrid[:96, :96]
    mask = np.hypot(x - 48, y - 40) < 20
    levels = soft_map(mask, 2.0, 20.0, np.random.default_rng(0))
    assert levels.dtype == np.uint8
    assert set(np.unique(levels)) == {0, 64, 128, 191, 255}
    assert levels[40, 48] == 255
    assert levels[90, 5] == 0
    assert dice(levels > 0.3 * 255, mask) > 0.9
    agreed = soft_map(mask, 0.0, 20.0, np.random.default_rng(0))
    assert np.array_equal(agreed == 255, mask)
    assert set(np.unique(agreed)) == {0, 255}


def test_smooth_fields_are_standardised() -> None:
    field = smooth_field((200, 300), 8.0, np.random.default_rng(0))
    assert field.shape == (200, 300)
    assert abs(field.mean()) < 0.15
    assert field.std() == pytest.approx(1.0, abs=0.15)


def test_generators_depend_on_each_argument() -> None:
    first = derived_rng(0, "a", "b").random()
    assert first == derived_rng(0, "a", "b").random()
    others = [derived_rng(1, "a", "b"), derived_rng(0, "c", "b"), derived_rng(0, "a", "c")]
    assert all(first != rng.random() for rng in others)
