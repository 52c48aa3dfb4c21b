"""Sort the variables of an object graph that no optimizer owns: the model's, counters, metrics, and second copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field

from reporter.frozen import dataclass
from reporter.readers.tensorflow.alignment import Known
from reporter.readers.tensorflow.bundle import Entry
from reporter.readers.tensorflow.dtypes import numeric
from reporter.readers.tensorflow.graph import Graph, Paths, chain

_METRICS = frozenset({"metrics", "_metrics", "compiled_metrics", "_compile_metrics"})
_EXPORT_COPY = "_all_variables"  # Keras 3.15's Model.export was seen to store every variable here a second time


@dataclass(frozen=True, slots=True)
class Extra:
    """What a SavedModel tells besides the graph.

    Attributes:
        known: names of objects.
        trainable: which variables were created trainable.
        saved: whether the root is the object that was saved; that of a checkpoint may just list what was.
    """

    known: Mapping[int, Known] = field(default_factory=dict)
    trainable: Mapping[int, bool] = field(default_factory=dict)
    saved: bool = False


NOTHING = Extra()


def stored_variables(graph: Graph, entries: Mapping[str, Entry]) -> list[int]:
    """Variables that the file holds; one that is stored under two keys, or known to two nodes, once."""
    keys: set[str] = set()
    places: set[tuple[int, int, int]] = set()
    found: list[int] = []
    for node, item in enumerate(graph):
        entry = entries.get(item.key)
        if entry is None or item.key in keys or (entry.size and place_of(entry) in places):
            continue
        keys.add(item.key)
        if entry.size:
            places.add(place_of(entry))
        found.append(node)
    return found


def counters_of(graph: Graph, structure: Paths, free: list[int], entries: Mapping[str, Entry]) -> set[int]:
    """Scalars that hang on the root itself, such as ``save_counter``, ``step`` and ``epoch``."""
    depth = {node: structure[node].depth for node in free if node in structure}
    deeper = any(d > 1 for d in depth.values())
    return {
        node
        for node, d in depth.items()
        if d == 1
        and entries[graph[node].key].shape == ()
        # A scope in its name says that it belongs to a module, which was saved as the root.
        and (is_integer(entries[graph[node].key]) or (deeper and "/" not in graph[node].full_name))
    }


def metrics_of(graph: Graph, everything: Paths, free: list[int], extra: Extra) -> set[int]:
    """Variables of metrics: told by attribute or metadata, or a pair of total and count, as Mean holds."""
    found = set()
    pairs: dict[int, bool] = {}
    for node in free:
        holder = everything[node].parent
        if holder not in pairs:
            pairs[holder] = holder >= 0 and {c.name for c in graph[holder].children if graph[c.node].key} == {
                "total",
                "count",
            }
        steps = chain(everything, node)
        told = any(name in _METRICS or (at in extra.known and extra.known[at].is_metric) for at, name in steps)
        if told or pairs[holder]:
            found.add(node)
    return found


def export_copies(graph: Graph, everything: Paths, model: list[int], entries: Mapping[str, Entry]) -> set[int]:
    """The second set of variables that ``Model.export`` writes: same name, shape and checksum as one of the first."""

    def identity(node: int) -> tuple[object, ...]:
        entry = entries[graph[node].key]
        return graph[node].full_name, entry.dtype, entry.shape, entry.size, entry.crc

    second = {n for n in model if any(name == _EXPORT_COPY for _, name in chain(everything, n))}
    first = Counter(identity(n) for n in model if n not in second)
    copies = set()
    for node in second:
        if first[identity(node)] > 0:
            first[identity(node)] -= 1
            copies.add(node)
    return copies


def place_of(entry: Entry) -> tuple[int, int, int]:
    """Where an entry's bytes lie."""
    return entry.shard, entry.offset, entry.size


def is_seed(full_name: str) -> bool:
    """Whether a variable is the state of a random generator of Keras 3."""
    return full_name.rsplit("/", 1)[-1] == "seed_generator_state"


def is_integer(entry: Entry) -> bool:
    """Whether an entry holds whole numbers."""
    kind = numeric(entry.dtype)
    return kind is not None and kind.numpy.kind in "iu"
