"""The precisions that convolutions may run at; losses are always float32."""

from typing import Literal

Precision = Literal["float32", "bfloat16"]
