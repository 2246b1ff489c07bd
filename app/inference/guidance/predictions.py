"""Predictions of both sides of a conditioning and their mixture; guiders ask, the network answers.

Before the first step every entry is prepared once: its place, its range, what the network takes for it. At a
step the entries that act are gathered into as few calls as possible, and their predictions averaged per side.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from app.inference.conditioning.entry import CondEntry, Conditioning
from app.inference.conditioning.reach import cropped, resolved, weight_map
from app.inference.denoiser import Denoiser, Feed
from app.inference.guidance.sides import Prepared, Side, balanced
from app.inference.hooks.network import (
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


class Predictions:
    """Predicts the sides of a run, each the mean over its entries."""

    def __init__(self, run: Run, sides: Sequence[Conditioning], negative: Sequence[bool]) -> None:
        """`negative` tells which sides play a negative role, for what some networks are told."""
        self._run = run
        self._numbers = 0
        self._further: dict[int, int] = {}
        prepared = [self._prepared(side, role) for side, role in zip(sides, negative, strict=True)]
        self.sides: list[Side] = balanced(prepared, *run.latent.shape[-2:])
        self._numbers = sum(len(side) for side in self.sides)
        self._weights: dict[Prepared, Tensor] = {}
        self._feeds: dict[tuple[Prepared, ...], Feed] = {}

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
        acting = {side: self._parts(side, x, sigma) for side in wanted}
        outputs: dict[_Part, Latent] = {}
        for group in _groups([part for parts in acting.values() for part in parts]):
            outputs.update(zip(group, self._evaluate(x, sigma, group, hooks, further), strict=True))
        return [_mean(acting[side], outputs, x) for side in wanted]

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

    def _parts(self, side: int, x: Latent, sigma: Sigma) -> "list[_Part]":
        """The acting entries of a side; default entries get what the others leave of the whole weight."""
        acting = self.sides[side]
        if any(each.has_range for each in acting):
            level = sigma.item()
            acting = tuple(each for each in acting if each.acts_at(level))
        parts = [
            _Part(each, side, self._weight(each, x), _size(each, x))
            for each in acting
            if not each.entry.is_default
        ]
        defaults = [each for each in acting if each.entry.is_default]
        if not defaults:
            return parts
        rest = torch.ones_like(x)
        for part in parts:
            cropped(rest, part.prepared.entry.area).sub_(1.0 if part.weight is None else part.weight)
        rest = rest.relu()
        if not rest.any():
            return parts
        return parts + [
            _Part(each, side, cropped(rest, each.entry.area), _size(each, x)) for each in defaults
        ]

    def _weight(self, prepared: Prepared, x: Latent) -> Tensor | None:
        """The entry's weight per place, made once a run; None: 1 everywhere."""
        entry = prepared.entry
        if entry.area is None and entry.mask is None and entry.strength == 1:
            return None
        if prepared not in self._weights:
            self._weights[prepared] = weight_map(entry, x)
        return self._weights[prepared]

    def _feed(self, group: "list[_Part]", x: Latent) -> Feed:
        """What the network takes for a group besides `x`, made once a run."""
        entries = tuple(part.prepared for part in group)
        if entries not in self._feeds:
            self._feeds[entries] = _feed(entries, x)
        return self._feeds[entries]

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
        output = self._run.model.denoise(batch, self._feed(group, x), call, hooks)
        return output.float().chunk(len(group))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """An entry that acts at a step, the side it counts for, and its weight per place of its area.

    No weight is a weight of 1 everywhere; `size` is height and width of the area in cells.
    """

    prepared: Prepared
    side: int
    weight: Tensor | None
    size: tuple[int, ...]


def _size(prepared: Prepared, x: Latent) -> tuple[int, ...]:
    return tuple(cropped(x, prepared.entry.area).shape[-2:])


def _mean(parts: list[_Part], outputs: Mapping[_Part, Latent], x: Latent) -> Latent:
    """What the parts of a side say on average, by their weights; 0 where none of them counts."""
    if len(parts) == 1 and parts[0].weight is None:
        return outputs[parts[0]]
    total, weights = torch.zeros_like(x), torch.full_like(x, NO_WEIGHT)
    for part in parts:
        area, weight = part.prepared.entry.area, 1.0 if part.weight is None else part.weight
        cropped(total, area).add_(outputs[part] * weight)
        cropped(weights, area).add_(weight)
    return total / weights


def _feed(entries: tuple[Prepared, ...], x: Latent) -> Feed:
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
    if group[0].size != group[-1].size:
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
