"""Segmentation without labels: by a cluster that was taught a shape, and what it is set beside.

Application 1 of Chen et al., "Unsupervised Local Discrimination for Medical Images", TPAMI 2023,
https://arxiv.org/abs/2108.09440. No mask of a task is used but to score, except by the stage that
says "oracle".
"""

Stages = tuple[str, ...]

#: Both rules of inference: the map of cluster 0; the softmax of the similarities with the regions.
RULES: Stages = ("shape-map", "shape-regions")
#: A second network, taught by what both rules say of training images.
REFINED: Stages = ("shape-refined",)
#: The single cluster, by largest share, that the test masks choose: it cheats.
ORACLE: Stages = ("clusters-oracle",)
#: Vesselness by a fixed filter: no encoder is used.
FRANGI: Stages = ("frangi",)
#: What cells of this kind score, each tuple a cell.
CELLS: tuple[Stages, ...] = (RULES, REFINED, ORACLE, FRANGI)
STAGES = tuple(stage for stages in CELLS for stage in stages)
#: Bumped when what a score of these stages means changes.
PROTOCOL = "guided-1"
