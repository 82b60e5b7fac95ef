"""How each fundus data set looks, measured on its published photographs."""

from tasks.phantoms.eye import FundusLook

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
