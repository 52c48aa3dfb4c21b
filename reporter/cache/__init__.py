"""Cache: what earlier runs measured, so that nothing is read twice.

One file per checkpoint, found by what its files are (sizes, times, inodes) and by the version of the measuring code;
changed settings of presentation read no weights. A file that is damaged, cut off or foreign counts as not there.
"""

from reporter.cache.folder import Folder, Use
from reporter.cache.store import GRID, Cache, CacheDamaged

__all__ = ["GRID", "Cache", "CacheDamaged", "Folder", "Use"]
