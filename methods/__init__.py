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
        year: Of its publication; None if nobody knows without importing it.
        source: First author and venue.
        backend: Where its loss comes from: a library, several where ``Config.backend`` chooses,
            or "own".
    """

    where: str
    title: str
    family: str
    year: int | None
    source: str
    backend: str


METHODS: dict[str, Listed] = {
    "random": Listed(
        where="methods.random:RandomInitialisation",
        title="Random initialisation",
        family="control",
        year=2015,
        source="He, ICCV",
        backend="own",
    ),
    "ld": Listed(
        where="methods.ld:LocalDiscrimination",
        title="Local discrimination",
        family="dense",
        year=2023,
        source="Chen, TPAMI",
        backend="own",
    ),
    "rotation": Listed(
        where="methods.rotation:Rotation",
        title="Rotation",
        family="predictive",
        year=2018,
        source="Gidaris, ICLR",
        backend="own",
    ),
    "jigsaw": Listed(
        where="methods.jigsaw:Jigsaw",
        title="Jigsaw puzzles",
        family="predictive",
        year=2016,
        source="Noroozi, ECCV",
        backend="own",
    ),
    "inpainting": Listed(
        where="methods.inpainting:Inpainting",
        title="In-painting",
        family="restoration",
        year=2016,
        source="Pathak, CVPR",
        backend="monai",
    ),
    "context_restoration": Listed(
        where="methods.context_restoration:ContextRestoration",
        title="Context restoration",
        family="restoration",
        year=2019,
        source="Chen, MedIA",
        backend="own",
    ),
    "models_genesis": Listed(
        where="methods.models_genesis:ModelsGenesis",
        title="Models Genesis",
        family="restoration",
        year=2019,
        source="Zhou, MICCAI",
        backend="own",
    ),
    "instdisc": Listed(
        where="methods.instdisc:InstanceDiscrimination",
        title="Instance discrimination",
        family="instance contrast",
        year=2018,
        source="Wu, CVPR",
        backend="own",
    ),
    "invaspread": Listed(
        where="methods.invaspread:InvariantSpreading",
        title="Invariant and spreading",
        family="instance contrast",
        year=2019,
        source="Ye, CVPR",
        backend="own",
    ),
    "simclr": Listed(
        where="methods.simclr:SimCLR",
        title="SimCLR",
        family="instance contrast",
        year=2020,
        source="Chen, ICML",
        backend="lightly, solo",
    ),
    "moco_v2": Listed(
        where="methods.moco_v2:MoCoV2",
        title="MoCo v2",
        family="instance contrast",
        year=2020,
        source="Chen, arXiv",
        backend="lightly, solo",
    ),
    "byol": Listed(
        where="methods.byol:BYOL",
        title="BYOL",
        family="non-contrastive",
        year=2020,
        source="Grill, NeurIPS",
        backend="lightly, solo",
    ),
    "simsiam": Listed(
        where="methods.simsiam:SimSiam",
        title="SimSiam",
        family="non-contrastive",
        year=2021,
        source="Chen, CVPR",
        backend="lightly, solo",
    ),
    "barlow_twins": Listed(
        where="methods.barlow_twins:BarlowTwins",
        title="Barlow Twins",
        family="non-contrastive",
        year=2021,
        source="Zbontar, ICML",
        backend="lightly, solo",
    ),
    "swav": Listed(
        where="methods.swav:SwAV",
        title="SwAV",
        family="clustering",
        year=2020,
        source="Caron, NeurIPS",
        backend="lightly, solo",
    ),
    "deepcluster_v2": Listed(
        where="methods.deepcluster_v2:DeepClusterV2",
        title="DeepCluster-v2",
        family="clustering",
        year=2020,
        source="Caron, NeurIPS",
        backend="solo",
    ),
    "densecl": Listed(
        where="methods.densecl:DenseCL",
        title="DenseCL",
        family="dense",
        year=2021,
        source="Wang, CVPR",
        backend="lightly",
    ),
    "pixpro": Listed(
        where="methods.pixpro:PixPro",
        title="PixPro",
        family="dense",
        year=2021,
        source="Xie, CVPR",
        backend="own",
    ),
    "pcrl": Listed(
        where="methods.pcrl:PCRL",
        title="PCRL",
        family="medical",
        year=2021,
        source="Zhou, ICCV",
        backend="lightly",
    ),
    "transvw": Listed(
        where="methods.transvw:TransVW",
        title="TransVW",
        family="medical",
        year=2021,
        source="Haghighi, TMI",
        backend="own",
    ),
}
