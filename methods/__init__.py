"""Ground floor: unlabelled images in, an encoder out. Knows nothing of labels or tasks.

``METHODS`` lists every method with what can be said of it without importing it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """Where a method lives and what a table says about it.

    Attributes:
        where: "module:Class".
        title: Its name in tables.
        family: Its kind, as in surveys of the field.
        year: Of its publication.
        backend: Which library its loss comes from.
    """

    where: str
    title: str
    family: str
    year: int
    backend: str


METHODS: dict[str, Listed] = {
    "random": Listed(
        "methods.random:RandomInitialisation", "Random initialisation", "control", 2015, "own"
    ),
    "ld": Listed("methods.ld:LocalDiscrimination", "Local discrimination", "dense", 2023, "own"),
    "simclr": Listed("methods.simclr:SimCLR", "SimCLR", "instance contrast", 2020, "lightly"),
    "byol": Listed("methods.byol:BYOL", "BYOL", "non-contrastive", 2020, "lightly"),
    "inpainting": Listed(
        "methods.inpainting:Inpainting", "In-painting", "restoration", 2016, "monai"
    ),
}
