"""The terms on which all methods compete, in one place.

Every method has

- the same encoder (``methods.networks.Encoder``), whose first weights depend on the seed alone;
- the same images, in the same order where it draws epochs (``methods.order``);
- the same budget in images drawn (``methods.base.Budget``), of which each spends exactly all;
- the same optimiser family, below, and the same loop (``methods.training``);
- the same treatment when it is done: batch-norm statistics recalibrated on the same plain images
  (``methods.statistics``).

What a method may choose stands in its ``Config`` and nowhere else: learning rate, weight decay,
batch size, the constants of its loss and the augmentation of its views; how it splits the budget
into phases and how its rate decays stands in its ``phases``. Images passed besides the budget
(validation, clustering, recalibration) are counted and stored with the result, not charged. A plan
with ``augmentation = "shared"`` takes the choice of augmentation away (``methods.augmentation``).
"""

from functools import partial

import torch

#: Adam (Kingma and Ba, ICLR 2015), PyTorch's other defaults. The published LARS and SGD schedules
#: are tuned to batches of thousands; one adaptive optimiser removes that advantage from all alike.
#: Fused: a step of SimCLR's 3.3 ms on the CPU become 0.7 (two cores).
OPTIMISER = partial(torch.optim.Adam, fused=True)
