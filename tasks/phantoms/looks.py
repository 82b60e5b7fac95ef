"""How each fundus data set looks.

IDRiD, CHASE_DB1 and HRF were measured on their published photographs. RITE, STARE, Drishti-GS1 and
EyePACS may not be redistributed: their looks follow their publications (picture size, angle of the
camera, condition of the eyes); in a camera of 2 r degrees a disc has a radius of about 3.2 / r
and lies about 15.5 / r from the fovea, in radii of the field of view.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from tasks.phantoms.eye import FundusLook

#: What both eyes of a person share, as a part of the data set's range: the rest is the eye's own.
OWN = 0.15

IDRID = FundusLook(
    aspect=4288 / 2848,
    view_radius=0.594,
    view_x=0.465,
    disc_x=(0.45, 0.78),
    disc_radius=(0.142, 0.175),
    cup=(0.3, 0.65),
    fovea_distance=(0.74, 0.86),
    vein_width=(0.033, 0.043),
    red=(0.55, 0.85),
    green=(0.42, 0.58),
    blue=(0.04, 0.32),
    vignette=(0.1, 0.4),
    choroid=(0.0, 0.2),
    reflexes=2,
)
CHASEDB1 = FundusLook(
    aspect=999 / 960,
    view_radius=0.478,
    view_x=0.495,
    disc_x=(-0.2, 0.2),
    disc_radius=(0.175, 0.205),
    cup=(0.3, 0.65),
    fovea_distance=(0.95, 1.08),
    vein_width=(0.038, 0.05),
    red=(0.5, 0.98),
    green=(0.3, 0.45),
    blue=(0.03, 0.1),
    vignette=(0.25, 0.65),
    choroid=(0.0, 0.25),
    reflexes=14,
    lamp_reach=0.3,
)
HRF = FundusLook(
    aspect=3504 / 2336,
    view_radius=0.7,
    view_x=0.5,
    disc_x=(0.45, 0.68),
    disc_radius=(0.108, 0.13),
    cup=(0.3, 0.65),
    fovea_distance=(0.52, 0.62),
    vein_width=(0.025, 0.034),
    red=(0.68, 0.88),
    green=(0.26, 0.38),
    blue=(0.12, 0.2),
    vignette=(0.1, 0.35),
    choroid=(0.0, 0.5),
    reflexes=3,
)
#: DRIVE's photographs: 565 x 584, a whole round field of 45 degrees.
RITE = FundusLook(
    aspect=565 / 584,
    view_radius=0.462,
    view_x=0.497,
    disc_x=(0.52, 0.74),
    disc_radius=(0.135, 0.165),
    cup=(0.3, 0.6),
    fovea_distance=(0.66, 0.76),
    vein_width=(0.032, 0.042),
    red=(0.62, 0.86),
    green=(0.46, 0.6),
    blue=(0.26, 0.38),
    vignette=(0.1, 0.3),
    choroid=(0.0, 0.2),
    reflexes=3,
)
#: 700 x 605, a field of 35 degrees cut off above and below; scanned slides of ill eyes.
STARE = FundusLook(
    aspect=700 / 605,
    view_radius=0.548,
    view_x=0.495,
    disc_x=(0.2, 0.75),
    disc_radius=(0.17, 0.205),
    cup=(0.25, 0.6),
    fovea_distance=(0.84, 0.94),
    vein_width=(0.036, 0.05),
    red=(0.62, 0.95),
    green=(0.48, 0.66),
    blue=(0.1, 0.28),
    vignette=(0.3, 0.7),
    choroid=(0.0, 0.35),
    reflexes=2,
    view_height=0.93,
    lamp_reach=0.3,
)
#: 2047 x 1759, a field of 30 degrees cut off by the picture, disc and macula at its two sides.
DRISHTI = FundusLook(
    aspect=2047 / 1759,
    view_radius=0.57,
    view_x=0.5,
    disc_x=(0.38, 0.6),
    disc_radius=(0.2, 0.235),
    cup=(0.6, 0.85),
    fovea_distance=(0.98, 1.08),
    vein_width=(0.04, 0.052),
    red=(0.5, 0.78),
    green=(0.36, 0.5),
    blue=(0.12, 0.28),
    vignette=(0.25, 0.6),
    choroid=(0.0, 0.25),
    reflexes=4,
    lamp_reach=0.3,
)
#: EyePACS was taken with many cameras: a whole field in a wide picture, one cut off above and
#: below, and a square picture. Colour and light vary more than in any other data set.
EYEPACS = FundusLook(
    aspect=3888 / 2592,
    view_radius=0.49,
    view_x=0.5,
    disc_x=(0.4, 0.75),
    disc_radius=(0.13, 0.17),
    cup=(0.25, 0.65),
    fovea_distance=(0.64, 0.78),
    vein_width=(0.028, 0.042),
    red=(0.3, 0.95),
    green=(0.36, 0.7),
    blue=(0.05, 0.45),
    vignette=(0.05, 0.6),
    choroid=(0.0, 0.5),
    reflexes=4,
)
EYEPACS_CAMERAS = (
    EYEPACS,
    replace(EYEPACS, aspect=4752 / 3168, view_radius=0.62),
    replace(EYEPACS, aspect=1.0, view_radius=0.485),
)


def of_person(look: FundusLook, rng: np.random.Generator) -> FundusLook:
    """One person's look, from which both eyes are drawn: every range around one value.

    Args:
        look: The data set's look.
        rng: The person's generator.

    Returns:
        The look with each range narrowed to ``OWN`` of its length.
    """
    ranges: dict[str, Any] = {}
    for field in fields(look):
        value = getattr(look, field.name)
        if isinstance(value, tuple):
            low = rng.uniform(value[0], value[1] - OWN * (value[1] - value[0]))
            ranges[field.name] = (low, low + OWN * (value[1] - value[0]))
    return replace(look, **ranges)
