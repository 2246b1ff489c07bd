"""Brings the tensors of a network into the state "file plus these patches"; models call it before they run.

The mapped file is the backup: nothing is undone by arithmetic, and no copy of the original weights is held.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from types import MappingProxyType
from typing import Generic, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch import device as Device

from app.inference.memory.devices import CPU, release_cached_memory, spare_memory_bytes
from app.inference.memory.residency import Residency, stream_layer
from app.inference.models.fp8 import FP8, round_to_fp8
from app.inference.weight_patch import WeightPatch

Network = TypeVar("Network", bound=nn.Module)

Original: TypeAlias = Callable[[], Tensor]
"""Gives a tensor as its file holds it, on the CPU, in the network's shape; mapped from disk if possible."""

REMEMBERED_SETS = 16  # how many sets back one counts as come back to

_Identities: TypeAlias = tuple[Hashable, ...]
"""What was done to a tensor, in order; nothing: it is as in the file."""


class PatchedWeights(Generic[Network]):
    """The tensors of one network, which holds at most one set of patches at a time.

    Changing the set touches only tensors whose patches differ, and writes over the memory of the set before.
    A set that was come back to is kept from then on while memory allows, so that changing to it again is an
    assignment; `cache_bytes` bounds what is kept.
    At home, where they begin, the tensors are the file's own; away they are on the device, in the number
    format that the network computes in.
    """

    def __init__(
        self,
        network: Network,
        originals: Mapping[str, Original],
        *,
        device: Device,
        dtype: torch.dtype,
        at_home: Mapping[str, Tensor] = MappingProxyType({}),
        cache_bytes: int | None = None,
    ) -> None:
        """`at_home`: what stands there for originals that are computed from it, such as 8-bit numbers."""
        self.network, self.device, self.dtype = network, device, dtype
        self.identity: Hashable = object()
        self._originals, self._at_home = originals, at_home
        self.cache_bytes = cache_bytes
        self._set: _Identities | None = ()
        self._left: deque[_Identities] = deque(maxlen=REMEMBERED_SETS)
        self._done: dict[str, _Identities | None] = {}  # None: being written to
        self._other_sets = _Cache()
        self._residency: Residency | None = None
        self._place = device
        self._away = False

    @property
    def away(self) -> bool:
        """Whether the tensors are on the device."""
        return self._away

    def managed_by(self, residency: Residency) -> None:
        """From now on the device is shared with others by these rules."""
        self._residency = residency
        residency.take_in(self)

    @contextmanager
    def at_work(self, patches: Sequence[WeightPatch] = ()) -> Iterator[None]:
        """Inside this block the network can be called: it is on the device and has these patches."""
        with nullcontext() if self._residency is None else self._residency.at_work(self):
            self.use(patches)
            yield

    def make_room(self) -> None:
        """Free what can be freed of the device's memory while this network stays."""
        if self._residency is None:
            release_cached_memory(self.device)
        else:
            self._residency.make_room()

    def go(self) -> None:
        """Bring the tensors to the device."""
        with torch.inference_mode(mode=False), torch.no_grad():
            for name, tensor in self._stored_tensors():
                tensor.data = self.original(name).to(self._place, self.dtype)
        self._away = True

    def come_home(self) -> None:
        """Take the file's own tensors again, without patches; the device's memory is free then."""
        self.forget_other_sets()
        for name, tensor in self._stored_tensors():
            tensor.data = self._at_home[name] if name in self._at_home else self.original(name)
        self._done, self._set, self._away = {}, (), False

    def compute_in(self, dtype: torch.dtype) -> None:
        """Change the number format that the network computes in."""
        self.come_home()
        self.dtype = dtype

    def stream(self) -> None:
        """Keep the tensors, patched ones too, at home; each layer takes its own along while it computes."""
        self.come_home()
        self._place = CPU
        self.go()
        for layer in self.network.modules():
            if any(True for _ in layer.parameters(recurse=False)):
                stream_layer(layer, self.device)

    def _stored_tensors(self) -> list[tuple[str, Tensor]]:
        tensors = self.network.state_dict(keep_vars=True)
        return [(name, tensors[name]) for name in self._originals if name in tensors]

    @property
    def names(self) -> Collection[str]:
        """The tensors of the network that its file holds."""
        return self._originals.keys()

    @property
    def bytes(self) -> int:
        """Memory of the network's tensors on the device, mapped ones included."""
        return sum(tensor.numel() for tensor in self.network.state_dict().values()) * self.dtype.itemsize

    @property
    def kept_bytes(self) -> int:
        """Memory of tensors of sets that are not in use."""
        return self._other_sets.bytes

    def forget_other_sets(self) -> None:
        """Give back the memory of sets that are not in use."""
        self._other_sets = _Cache()

    def original(self, name: str) -> Tensor:
        """The tensor as the file holds it, on the CPU; not to be written to. KeyError for a foreign name."""
        return self._originals[name]()

    def value(self, name: str, patches: Sequence[WeightPatch] = ()) -> Tensor:
        """The tensor with patches applied, float32, new, on the network's device; the network stays."""
        with torch.inference_mode(mode=False), torch.no_grad():
            weight = self.original(name).to(self._place, torch.float32, copy=True)
            return _apply(patches, name, weight)

    def written_dtype(self, name: str) -> torch.dtype:
        """Number format of the tensor in its file, which it is saved in again."""
        return self.original(name).dtype

    def written(
        self, name: str, patches: Sequence[WeightPatch] = (), *, rounded_as: str | None = None
    ) -> Tensor:
        """The tensor with patches applied, as a file holds it: in its number format, on the CPU.

        Without patches it is the original, bit for bit; not to be written to. `rounded_as`: the name that
        decides how 8-bit formats round, if not the network's.
        """
        if not patches:
            return self.original(name)
        return rounded(self.value(name, patches), self.written_dtype(name), rounded_as or name).cpu()

    def use(self, patches: Sequence[WeightPatch]) -> None:
        """Make the network's tensors those of the file with `patches` applied in order.

        Patches of tensors that the network does not have are left out. After an exception the next call
        repairs what was left half done.
        """
        if not self._away:
            self.go()
        wanted_set = tuple(patch.identity for patch in patches)
        if wanted_set == self._set:
            return
        comes_back = self._leave()
        wanted: dict[str, list[WeightPatch]] = {}
        for patch in patches:
            for name in patch.names:
                wanted.setdefault(name, []).append(patch)
        with torch.inference_mode(mode=False), torch.no_grad():
            self._change(wanted, keep=comes_back)
        self._set = wanted_set

    def _leave(self) -> bool:
        """Forget which set is in use; whether it was left before, so that it may well be wanted once more."""
        left, self._set = self._set, None
        if left is None or left in self._left:
            return left is not None
        self._left.append(left)
        return False

    def _change(self, wanted: Mapping[str, Sequence[WeightPatch]], *, keep: bool) -> None:
        tensors = self.network.state_dict(keep_vars=True)
        undone = [name for name in self._done if name not in wanted]  # first: they free memory
        switch = _Switch(self._other_sets, self._cache_limit(), keep=keep)
        for name in (*undone, *wanted):
            if name in tensors:
                self._bring(tensors[name], name, wanted.get(name, ()), switch)

    def _cache_limit(self) -> int:
        """Bytes that tensors of other sets may take: no more than the network, and half of what is spare."""
        if self.cache_bytes is not None:
            return self.cache_bytes
        spare = spare_memory_bytes(self._place) // 2
        return min(self.bytes, self._other_sets.bytes + spare)

    def _bring(self, tensor: Tensor, name: str, patches: Sequence[WeightPatch], switch: "_Switch") -> None:
        wanted = tuple(patch.identity for patch in patches)
        before = self._done.get(name, ())
        if before == wanted:
            return
        stored = self.original(name)
        self._done[name] = None
        if tensor.data_ptr() != stored.data_ptr():
            switch.replaced(name, before, tensor.data)
        tensor.data = self._made(stored, name, patches, wanted, switch)
        self._done[name] = wanted
        if not wanted:
            del self._done[name]

    def _made(
        self,
        stored: Tensor,
        name: str,
        patches: Sequence[WeightPatch],
        identities: _Identities,
        switch: "_Switch",
    ) -> Tensor:
        kept = self._other_sets.take(name, identities)
        if kept is not None:
            return kept
        if not patches and stored.dtype == self.dtype and stored.device == self._place:
            return stored
        memory = switch.memory(stored.shape, self.dtype, self._place)
        if not patches:
            return memory.copy_(stored)
        if self.dtype == torch.float32:
            return _into(memory, _apply(patches, name, memory.copy_(stored)))
        weight = _apply(patches, name, stored.to(self._place, torch.float32, copy=True))
        return memory.copy_(rounded(weight, self.dtype, name))


def rounded(weight: Tensor, dtype: torch.dtype, name: str) -> Tensor:
    """The tensor in another number format; 8-bit formats round by chance that depends on `name` alone."""
    return round_to_fp8(weight, dtype, name) if dtype in FP8 else weight.to(dtype)


def _apply(patches: Sequence[WeightPatch], name: str, weight: Tensor) -> Tensor:
    for patch in patches:
        weight = patch.apply(name, weight)
    return weight


def _into(memory: Tensor, weight: Tensor) -> Tensor:
    return memory if weight is memory else memory.copy_(weight)


class _Cache:
    """Tensors of sets that are not in use, least recently used first."""

    def __init__(self) -> None:
        self.bytes = 0
        self._kept: OrderedDict[tuple[str, _Identities], Tensor] = OrderedDict()

    def put(self, name: str, identities: _Identities, tensor: Tensor) -> None:
        self._kept[name, identities] = tensor
        self.bytes += tensor.nbytes

    def take(self, name: str, identities: _Identities) -> Tensor | None:
        tensor = self._kept.pop((name, identities), None)
        self.bytes -= 0 if tensor is None else tensor.nbytes
        return tensor

    def drop_oldest(self) -> Tensor:
        _, tensor = self._kept.popitem(last=False)
        self.bytes -= tensor.nbytes
        return tensor


class _Switch:
    """Memory during one change of sets: what is given up is written to again.

    New pages cost more than the arithmetic of a patch, so memory is passed on from tensor to tensor. With
    `keep` the set before is kept as far as the limit allows.
    """

    def __init__(self, cache: _Cache, limit_bytes: int, *, keep: bool) -> None:
        self._cache, self._limit, self._keep = cache, limit_bytes, keep
        self._spare: defaultdict[tuple[int, ...], list[Tensor]] = defaultdict(list)
        self._trim()

    def replaced(self, name: str, identities: _Identities | None, tensor: Tensor) -> None:
        """Take a tensor that is no longer in use; `identities` None: it was left half written."""
        if identities is None or not self._keep:
            self._spare[tuple(tensor.shape)].append(tensor)
            return
        self._cache.put(name, identities, tensor)
        self._trim()

    def memory(self, shape: torch.Size, dtype: torch.dtype, device: Device) -> Tensor:
        """Memory for one tensor, contents undefined."""
        spare = self._spare[tuple(shape)]
        return spare.pop() if spare else torch.empty(shape, dtype=dtype, device=device)

    def _trim(self) -> None:
        while self._cache.bytes > self._limit:
            oldest = self._cache.drop_oldest()
            self._spare[tuple(oldest.shape)].append(oldest)
