"""What a computation takes, without computing it: operations, bytes and kernels, op by op.

Large tensors get a shape and untouched memory, which costs nothing; small ones are computed, so
that code which looks at masks, draws or flips runs as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import flop_registry

#: Elements from which on a tensor has no content.
LARGE = 2**14
#: Ops that give memory without filling it, or look at a number: no kernel.
FREE = ("empty", "new_empty", "_local_scalar_dense", "lift_fresh", "detach", "set_", "resize_")
#: Ops that go through their inputs twice: for the statistics or their gradients, and to apply them.
TWICE = ("native_batch_norm", "native_batch_norm_backward")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a computation.

    Attributes:
        operations: Floating-point operations of convolutions and matrix products.
        moved: Bytes that all ops read and write, each on its own: nothing is fused. Batch norm in
            training reads its inputs twice.
        least: Bytes that convolutions and matrix products alone read and write: all else is fused
            into them.
        kernels: Ops that compute something, each at least one launch.
        kept: Bytes kept for the gradients.
    """

    operations: float = 0.0
    moved: float = 0.0
    least: float = 0.0
    kernels: float = 0.0
    kept: float = 0.0

    def plus(self, other: "Cost") -> "Cost":
        """Both together."""
        return Cost(*(getattr(self, e.name) + getattr(other, e.name) for e in fields(Cost)))


class Hollow(TorchDispatchMode):
    """Counts what runs inside; ``cost`` is what it came to so far.

    Whatever is large and changed inside holds no meaningful numbers afterwards.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.moved = self.least = 0.0
        self.kernels = 0
        self.stored: dict[int, int] = {}
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._kept, lambda tensor: tensor)

    def __enter__(self) -> "Hollow":
        self._hooks.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401
        super().__exit__(*error)
        self._hooks.__exit__(*error)

    @property
    def cost(self) -> Cost:
        """All that has run so far."""
        kept = float(sum(self.stored.values()))
        return Cost(self.operations, self.moved, self.least, float(self.kernels), kept)

    def _kept(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        self.stored[storage.data_ptr()] = storage.nbytes()
        return tensor

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: Any = (),  # noqa: ANN401
        kwargs: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Run an op, or give its shapes, and count it."""
        del types
        kwargs = kwargs or {}
        if looks(func):
            return func(*args, **kwargs)
        given = tensors((args, kwargs))
        large = any(tensor.numel() >= LARGE for tensor in given)
        out = hollow(func, args, kwargs) if large else func(*args, **kwargs)
        if called(func) not in FREE:
            self._count(func, args, kwargs, out)
        return out

    def _count(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:  # noqa: ANN401
        read = sum(map(size, tensors((args, kwargs))))
        moved = read + sum(map(size, written(func, args, out)))
        self.moved += moved + (read if called(func) in TWICE else 0)
        self.kernels += 1
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.operations += count(*args, **kwargs, out_val=out)
            self.least += moved


def called(func: Any) -> str:  # noqa: ANN401
    """An op's name without its overload."""
    return str(func._schema.name.removeprefix("aten::"))


def looks(func: Any) -> bool:  # noqa: ANN401
    """Whether an op gives another look at the same memory."""
    aliases = [given.alias_info for given in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def tensors(tree: Any) -> list[Tensor]:  # noqa: ANN401
    """The tensors in nested arguments."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def written(func: Any, args: Sequence[Any], out: Any) -> list[Tensor]:  # noqa: ANN401
    """What an op writes: arguments that it changes, and new tensors."""
    changed = [
        given
        for given, known in zip(args, func._schema.arguments, strict=False)
        if known.alias_info is not None and known.alias_info.is_write
    ]
    return tensors(changed) or tensors(out)


def size(tensor: Tensor) -> int:
    """Bytes that a tensor's values take; an expanded dimension takes none."""
    count = 1
    for length, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= length if stride else min(length, 1)
    return count * tensor.element_size()


def hollow(func: Any, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
    """An op's result with the right shapes and no content; computed if shapes depend on content."""
    given: dict[int, Tensor] = {}

    def shape(leaf: Any) -> Any:  # noqa: ANN401
        if isinstance(leaf, torch.device):
            return torch.device("meta")
        if not isinstance(leaf, Tensor):
            return leaf
        made = torch.empty_strided(leaf.shape, leaf.stride(), dtype=leaf.dtype, device="meta")
        given[id(made)] = leaf
        return made

    def filled(leaf: Any) -> Any:  # noqa: ANN401
        if not isinstance(leaf, Tensor):
            return leaf
        if id(leaf) in given:
            return given[id(leaf)]
        made = torch.empty_strided(leaf.shape, leaf.stride(), dtype=leaf.dtype)
        return made if made.numel() >= LARGE else made.zero_()

    shapes = tree_map(shape, (args, kwargs))
    try:
        out = func(*shapes[0], **shapes[1])
    except NotImplementedError:  # no shapes can be asked of this op: it is computed instead
        return func(*args, **kwargs)
    return tree_map(filled, out)
