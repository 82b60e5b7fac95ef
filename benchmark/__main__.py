"""``python -m benchmark`` is ``ldbench``."""

import sys

from benchmark.cli import main

sys.exit(main())
