"""Object stores: what lies under an address is listed into a local folder, and its bytes are fetched when read.

Nothing here imports fsspec before an address is used.
"""

from reporter.storage.file import StoredFile, complete, open_binary, opened, provider
from reporter.storage.folder import StoredFolder
from reporter.storage.mirror import Unusable, local, mirrored, stored_object
from reporter.storage.stores import Details, StoreError
from reporter.storage.temporary import copied, copies_used, remember_copied, was_copied

__all__ = [
    "Details",
    "StoreError",
    "StoredFile",
    "StoredFolder",
    "Unusable",
    "complete",
    "copied",
    "copies_used",
    "local",
    "mirrored",
    "open_binary",
    "opened",
    "provider",
    "remember_copied",
    "stored_object",
    "was_copied",
]
