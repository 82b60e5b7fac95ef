"""Pool images that are also test images, under whatever name, size and compression.

Two kinds of evidence: files of equal bytes, and pictures that show the same. For the second, hashes
that allow for a zoom and a shift find candidates, each is aligned, and the correlation of fine
detail decides. Recompression, rescaling, changes of tone and crops of up to 8 % at each side are
seen through (``tests/tasks/leak_check.py`` measures it); mirrored and turned copies are not sought.

Fundus: two photographs of one eye from one sitting count as one picture; two eyes never do.
Chest X-ray: copies of one radiograph count as one; another exposure of the same patient does not.
"""

from tasks.leaks.detail import LOOKS, SIDE
from tasks.leaks.search import Evidence, Leak, find_leaks, identical_files

__all__ = ["LOOKS", "SIDE", "Evidence", "Leak", "find_leaks", "identical_files"]
