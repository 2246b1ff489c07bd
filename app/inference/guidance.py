"""Predictions of both sides of a conditioning and their mixture; guiders ask, the network answers.

Before the first step every entry is prepared once: its place, its range, what the network takes for it. At a
step the entries that act are gathered into as few calls as possible, and their predictions averaged per side.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import permutations

import torch
from torch import Tensor

from app.inference.areas import cropped, encloses, resolved, size_of, weight_map
from app.inference.conditioning import Area, CondEntry, Conditioning
from app.inference.denoiser import Denoiser, ExtraInputs, Feed
from app.inference.hooks import (
    NO_NETWORK_HOOKS,
    Memory,
    NetworkCall,
    NetworkHooks,
)
from app.inference.interrupts import Interrupted
from app.inference.types import Latent, Mask, Sigma, Sigmas, Tokens

MAX_TILING = 4  # longer repetitions of a short text cost more than a second call
NO_WEIGHT = 1e-37  # start of the counts, so that a place without any entry divides to 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """What guidance may know of a run before its first step.

    `latent` [B, C, h8, w8] is what is sampled from, in model space; `mask` of its shape the noise mask, where
    there is one. `interrupted` is asked before every network call.
    """

    model: Denoiser
    latent: Latent
    sigmas: Sigmas
    mask: Mask | None = None
    interrupted: Callable[[], bool] | None = None
    memory: Memory = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """An entry made ready for a run: resolved, its range in levels, further inputs of network and net."""

    entry: CondEntry
    number: int
    extra: ExtraInputs
    control_label: Tensor | None
    first_sigma: float
    last_sigma: float

    def acts_at(self, sigma: float) -> bool:
        """Whether the entry counts at this level."""
        return self.last_sigma <= sigma <= self.first_sigma


Side = tuple[Prepared, ...]

_TEXT = ("tokens", "pooled", "control_tokens", "control_pooled")  # what an entry says, not where or when


class Predictions:
    """Predicts the sides of a run, each the mean over its entries."""

    def __init__(self, run: Run, sides: Sequence[Conditioning], negative: Sequence[bool]) -> None:
        """`negative` tells which sides play a negative role, for what some networks are told."""
        self._run = run
        self._numbers = 0
        self._further: dict[int, int] = {}
        prepared = [self._prepared(side, role) for side, role in zip(sides, negative, strict=True)]
        prepared = _with_same_areas(prepared, *run.latent.shape[-2:])
        for place in range(1, len(prepared)):
            prepared[place] = _with_control_of(prepared[0], prepared[place])
            prepared[place] = _with_boxes_of(prepared[0], prepared[place])
        self.sides: list[Side] = prepared

    def number_of(self, conditioning: Conditioning, *, negative: bool = False) -> int:
        """The number of a further side, which is prepared when it is first asked for."""
        known = self._further.get(id(conditioning))
        if known is None:
            self.sides.append(self._prepared(conditioning, negative))
            known = self._further[id(conditioning)] = len(self.sides) - 1
        return known

    def __call__(
        self,
        x: Latent,
        sigma: Sigma,
        wanted: Sequence[int],
        hooks: NetworkHooks = NO_NETWORK_HOOKS,
        *,
        further: bool = False,
    ) -> list[Latent]:
        """Weighted mean prediction of each wanted side at `x` [B, C, h8, w8], in model space.

        `hooks` come in addition to the model's; `further` tells them that a hook of guidance asks.
        """
        level = sigma.item()
        sums = {side: torch.zeros_like(x) for side in wanted}
        counts = {side: torch.full_like(x, NO_WEIGHT) for side in wanted}
        parts = [part for side in wanted for part in _parts(self.sides[side], side, x, level)]
        for group in _groups(parts):
            for part, output in zip(group, self._evaluate(x, sigma, group, hooks, further), strict=True):
                area = part.prepared.entry.area
                cropped(sums[part.side], area).add_(output * part.weight)
                cropped(counts[part.side], area).add_(part.weight)
        return [sums[side] / counts[side] for side in wanted]

    def _prepared(self, conditioning: Conditioning, negative: bool) -> Side:
        return tuple(self._prepare(entry, negative) for entry in conditioning)

    def _prepare(self, entry: CondEntry, negative: bool) -> Prepared:
        run = self._run
        self._numbers += 1
        extra_inputs = partial(run.model.extra_inputs, negative=negative, latent=run.latent, mask=run.mask)
        pooled = entry.control_pooled
        percent_to_sigma = run.model.model_sampling.percent_to_sigma
        start, end = entry.start_percent, entry.end_percent
        return Prepared(
            entry=resolved(entry, *run.latent.shape[-2:]),
            number=self._numbers,
            extra=extra_inputs(entry),
            control_label=None if pooled is None else extra_inputs(replace(entry, pooled=pooled)).label,
            first_sigma=math.inf if start is None else percent_to_sigma(start),
            last_sigma=-math.inf if end is None else percent_to_sigma(end),
        )

    def _evaluate(
        self, x: Latent, sigma: Sigma, group: "list[_Part]", hooks: NetworkHooks, further: bool
    ) -> Sequence[Latent]:
        """Predictions for all entries of a group by one network call."""
        if self._run.interrupted is not None and self._run.interrupted():
            raise Interrupted
        first = group[0].prepared.entry
        batch = torch.cat([cropped(x, part.prepared.entry.area) for part in group])
        call = NetworkCall(
            sigma=sigma,
            sides=tuple(part.side for part in group),
            entries=tuple(part.prepared.number for part in group),
            height=batch.shape[-2],
            width=batch.shape[-1],
            model_sampling=self._run.model.model_sampling,
            memory=self._run.memory,
            further=further,
        )
        if first.grounded_texts is not None:
            hook = first.grounded_texts.hook(call.height, call.width)
            hooks = replace(hooks, after_self_attention=(*hooks.after_self_attention, hook))
        output = self._run.model.denoise(batch, _feed(group, x), call, hooks)
        return output.float().chunk(len(group))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """An entry that acts at a step, the side it counts for, and its weight per place of its area."""

    prepared: Prepared
    side: int
    weight: Tensor


def _parts(side: Side, number: int, x: Latent, level: float) -> list[_Part]:
    """The acting entries of a side; default entries get what the others leave of the whole weight."""
    acting = [each for each in side if each.acts_at(level)]
    parts = [_Part(each, number, weight_map(each.entry, x)) for each in acting if not each.entry.is_default]
    defaults = [each for each in acting if each.entry.is_default]
    if not defaults:
        return parts
    rest = torch.ones_like(x)
    for part in parts:
        cropped(rest, part.prepared.entry.area).sub_(part.weight)
    rest = rest.relu()
    if not rest.any():
        return parts
    return parts + [_Part(each, number, cropped(rest, each.entry.area)) for each in defaults]


def _feed(group: list[_Part], x: Latent) -> Feed:
    entries = [part.prepared for part in group]
    length = math.lcm(*(each.entry.tokens.shape[1] for each in entries))
    size = len(x)
    context = torch.cat([_fit_batch(_tile(each.entry.tokens, length), size) for each in entries])
    labels = [each.extra.label.expand(size, -1) for each in entries if each.extra.label is not None]
    channels = [
        cropped(each.extra.channels, each.entry.area) for each in entries if each.extra.channels is not None
    ]
    control_tokens = entries[0].entry.control_tokens
    control_labels = [
        each.control_label.expand(size, -1) for each in entries if each.control_label is not None
    ]
    return Feed(
        context=context.to(x.device),
        label=torch.cat(labels).to(x.device) if labels else None,
        channels=torch.cat(channels).to(x.device) if channels else None,
        control=entries[0].entry.control,
        control_context=None
        if control_tokens is None
        else _fit_batch(control_tokens, len(context)).to(x.device),
        control_label=torch.cat(control_labels).to(x.device) if control_labels else None,
    )


def _groups(parts: list[_Part]) -> list[list[_Part]]:
    """Gather entries that can share a call: equal sizes, nets and boxes, texts that tile to one length."""
    groups: list[list[_Part]] = []
    for part in parts:
        for group in groups:
            if _can_share([*group, part]):
                group.append(part)
                break
        else:
            groups.append([part])
    return groups


def _can_share(group: list[_Part]) -> bool:
    first, last = group[0].prepared.entry, group[-1].prepared.entry
    if first.control is not last.control or first.grounded_texts is not last.grounded_texts:
        return False
    if first.control is not None and (
        first.control_tokens is not last.control_tokens or first.control_pooled is not last.control_pooled
    ):
        return False
    if group[0].weight.shape != group[-1].weight.shape:
        return False
    lengths = [part.prepared.entry.tokens.shape[1] for part in group]
    widths = {part.prepared.entry.tokens.shape[2] for part in group}
    return len(widths) == 1 and math.lcm(*lengths) <= MAX_TILING * min(lengths)


def _tile(tokens: Tokens, length: int) -> Tokens:
    """Repeat a text; attention over a repeated context gives the same result as over the context once."""
    repeats = length // tokens.shape[1]
    return tokens if repeats == 1 else tokens.repeat(1, repeats, 1)


def _fit_batch(tokens: Tokens, batch: int) -> Tokens:
    """One text for every picture of the batch; several texts are dealt out in turn."""
    if len(tokens) == 1:
        return tokens.expand(batch, -1, -1)
    return tokens.repeat(math.ceil(batch / len(tokens)), 1, 1)[:batch]


def _with_same_areas(sides: list[Side], height: int, width: int) -> list[Side]:
    """Give each side an entry for every area of the others, so that no place has one prediction only."""
    equal = list(sides)
    for origins, others in permutations(range(len(sides)), 2):
        equal[others] = equal[others] + _counterparts(equal[origins], equal[others], height, width)
    return equal


def _counterparts(origins: Side, others: Side, height: int, width: int) -> Side:
    """Copies of `origins` with areas that `others` lack, with the text of the smallest entry around each."""
    found = list(others)
    for origin in origins:
        area = origin.entry.area
        if not isinstance(area, Area):
            continue
        around = [each for each in found if encloses(each.entry.area, area)]
        if not around or any(each.entry.area == area for each in around):
            continue
        smallest = min(around, key=lambda each: size_of(each.entry.area, height, width))
        text = {name: getattr(smallest.entry, name) for name in _TEXT}
        inputs = {"extra": smallest.extra, "control_label": smallest.control_label}
        found.append(replace(origin, entry=replace(origin.entry, **text), **inputs))
    return tuple(found[len(others) :])


def _with_control_of(positive: Side, negative: Side) -> Side:
    """Deal the nets that reach the negative side out to its entries."""
    reaching = tuple(each for each in positive if each.entry.control_reaches_negative)
    return _dealt("control", reaching, negative)


def _with_boxes_of(positive: Side, negative: Side) -> Side:
    """Deal the grounded texts of the positive side out to the negative one's entries."""
    return _dealt("grounded_texts", positive, negative)


def _dealt(name: str, positive: Side, negative: Side) -> Side:
    """Give what the positive side's entries have under `name` to the negative ones', one after the other.

    Only entries for the whole picture give and take, and nothing is dealt when one of the negative side has
    its own. What is left over goes round again, to copies of the entries.
    """
    gifts = [getattr(each.entry, name) for each in positive if each.entry.area is None]
    gifts = [gift for gift in gifts if gift is not None]
    whole = [place for place, each in enumerate(negative) if each.entry.area is None]
    if not gifts or not whole or any(getattr(negative[place].entry, name) is not None for place in whole):
        return negative
    dealt = list(negative)
    for index, gift in enumerate(gifts):
        taker = negative[whole[index % len(whole)]]
        changed = replace(taker, entry=replace(taker.entry, **{name: gift}))
        if index < len(whole):
            dealt[whole[index]] = changed
        else:
            dealt.append(changed)
    return tuple(dealt)
