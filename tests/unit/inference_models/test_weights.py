"""Sets of patches on the tensors of a network: applied, exchanged, taken off again bit for bit."""

import json
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from app.inference.models.building import build
from app.inference.models.files.model_file import open_model_file
from app.inference.models.fp8 import round_to_fp8
from app.inference.models.weights import PatchedWeights

CPU = torch.device("cpu")
RECORDED = Path(__file__).parents[2] / "golden/pipelines_dit.json"
NAMES = ("0.weight", "0.bias", "1.weight", "1.bias")


@dataclass
class Shift:
    """Adds a number to some tensors, and counts how often it is asked."""

    amount: float
    names: Collection[str]
    applied: list[str] = field(default_factory=list)

    @property
    def identity(self) -> Hashable:
        return ("shift", self.amount)

    def apply(self, name: str, weight: Tensor) -> Tensor:
        self.applied.append(name)
        return weight.add_(self.amount)


@dataclass
class Double(Shift):
    """Doubles tensors; what comes after it and before it differs."""

    def apply(self, name: str, weight: Tensor) -> Tensor:
        return weight * 2


class Breaks(Shift):
    """Fails in the middle of its work."""

    def apply(self, name: str, weight: Tensor) -> Tensor:
        weight.zero_()
        raise MemoryError


def weights_of(
    folder: Path,
    *,
    stored: torch.dtype = torch.float32,
    dtype: torch.dtype = torch.float32,
    cache_bytes: int = 10**6,
) -> tuple[PatchedWeights[nn.Sequential], dict[str, Tensor]]:
    tensors = {
        name: tensor.to(stored).contiguous()
        for name, tensor in nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)).state_dict().items()
    }
    save_file(tensors, folder / "network.safetensors")
    weights = build(
        lambda: nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)),
        open_model_file(folder / "network.safetensors"),
        {name: name for name in NAMES},
        part="network",
        device=CPU,
        dtype=dtype,
    )
    weights.cache_bytes = cache_bytes
    return weights, tensors


def state(weights: PatchedWeights[nn.Sequential]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in weights.network.state_dict().items()}


def first_tensor(weights: PatchedWeights[nn.Sequential]) -> Tensor:
    return weights.network.get_parameter(NAMES[0])


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("cache_bytes", [0, 10**6])
@pytest.mark.parametrize("stored", [torch.float32, torch.float16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_byte_is_back_when_all_patches_are_gone(
    tmp_path: Path, stored: torch.dtype, dtype: torch.dtype, cache_bytes: int
) -> None:
    weights, _ = weights_of(tmp_path, stored=stored, dtype=dtype, cache_bytes=cache_bytes)
    weights.use([])
    before = state(weights)

    weights.use([Shift(0.5, NAMES[:3])])
    weights.use([Double(0, NAMES[1:]), Shift(1.5, NAMES)])
    changed = state(weights)
    weights.use([])

    assert not any(torch.equal(changed[name], before[name]) for name in NAMES)
    assert same(state(weights), before)


@pytest.mark.parametrize("cache_bytes", [0, 200, 10**6])
def test_any_order_of_sets_gives_what_the_set_alone_gives(tmp_path: Path, cache_bytes: int) -> None:
    weights, tensors = weights_of(tmp_path, cache_bytes=cache_bytes)
    sets: list[list[Shift]] = [
        [Shift(0.25, NAMES)],
        [Shift(0.25, NAMES), Double(0, NAMES[:2])],
        [Double(0, NAMES[:2]), Shift(0.25, NAMES)],
        [],
        [Shift(3, NAMES[2:])],
    ]

    for number in (0, 1, 0, 2, 3, 1, 4, 2, 4, 3, 0, 1, 2, 3, 4, 3, 1, 0, 4, 2, 1, 3, 0):
        weights.use(sets[number])
        for name, tensor in state(weights).items():
            expected = tensors[name].clone()
            for patch in sets[number]:
                expected = patch.apply(name, expected) if name in patch.names else expected
            assert torch.equal(tensor, expected), (number, name)


def test_only_tensors_whose_patches_differ_are_touched(tmp_path: Path) -> None:
    weights, _ = weights_of(tmp_path)
    everywhere, first = Shift(1, NAMES), Shift(2, NAMES[:1])
    weights.use([everywhere])
    everywhere.applied.clear()

    weights.use([everywhere, first])
    weights.use([everywhere, first])

    assert (everywhere.applied, first.applied) == ([NAMES[0]], [NAMES[0]])


def test_a_set_that_is_wanted_again_and_again_is_computed_twice_at_most(tmp_path: Path) -> None:
    weights, _ = weights_of(tmp_path)
    first, second = Shift(1, NAMES), Shift(2, NAMES)
    for _ in range(2):
        weights.use([first])
        weights.use([second])
    first.applied.clear()

    weights.use([Shift(1, NAMES, first.applied)])  # equal to `first`, though another object

    assert first.applied == []
    assert torch.equal(first_tensor(weights), weights.value(NAMES[0], [first]))


def test_kept_sets_stay_within_their_limit(tmp_path: Path) -> None:
    weights, _ = weights_of(tmp_path, cache_bytes=300)
    kept: list[int] = []

    for amount in (1, 2, 3, 4, 5) * 3:
        weights.use([Shift(amount, NAMES)])
        kept.append(weights.kept_bytes)
    weights.forget_other_sets()

    assert 0 < max(kept) <= 300
    assert weights.kept_bytes == 0


def test_sets_that_are_tried_once_take_no_memory_and_share_the_same(tmp_path: Path) -> None:
    weights, _ = weights_of(tmp_path)
    weights.use([Shift(0.1, NAMES)])
    memory = first_tensor(weights).data_ptr()

    for amount in (0.2, 0.3, 0.4):
        weights.use([Shift(amount, NAMES)])
        assert first_tensor(weights).data_ptr() == memory
        assert weights.kept_bytes == 0


def test_kept_sets_make_room_when_memory_gets_scarce(tmp_path: Path) -> None:
    weights, _ = weights_of(tmp_path)
    for amount in (1, 2, 1, 2, 1):
        weights.use([Shift(amount, NAMES)])
    before = weights.kept_bytes
    weights.cache_bytes = 0

    weights.use([Shift(3, NAMES)])

    assert before > 0
    assert weights.kept_bytes == 0


def test_the_original_is_mapped_and_not_copied(tmp_path: Path) -> None:
    weights, _ = weights_of(tmp_path)
    mapped = first_tensor(weights).data_ptr()

    weights.use([Shift(1, NAMES)])
    weights.use([])

    assert first_tensor(weights).data_ptr() == mapped
    assert weights.original(NAMES[0]).data_ptr() == mapped


def test_an_original_survives_a_file_that_was_replaced(tmp_path: Path) -> None:
    weights, tensors = weights_of(tmp_path, stored=torch.float16)
    weights.use([Shift(1, NAMES)])
    save_file({"other": torch.zeros(1)}, tmp_path / "new.safetensors")
    (tmp_path / "new.safetensors").replace(tmp_path / "network.safetensors")

    weights.use([])

    assert same(state(weights), {name: tensor.float() for name, tensor in tensors.items()})


@pytest.mark.parametrize("cache_bytes", [0, 10**6])
def test_the_next_call_repairs_what_a_failure_left(tmp_path: Path, cache_bytes: int) -> None:
    weights, _ = weights_of(tmp_path, cache_bytes=cache_bytes)
    before = state(weights)
    weights.use([Shift(1, NAMES)])
    patched = state(weights)

    with pytest.raises(MemoryError):
        weights.use([Shift(2, NAMES[:2]), Breaks(0, NAMES[2:])])
    weights.use([Shift(1, NAMES)])
    repaired = state(weights)
    with pytest.raises(MemoryError):
        weights.use([Breaks(0, NAMES)])
    weights.use([])

    assert same(repaired, patched)
    assert same(state(weights), before)


def test_patches_work_in_float32_and_round_once(tmp_path: Path) -> None:
    weights, tensors = weights_of(tmp_path, stored=torch.float16, dtype=torch.bfloat16)
    tiny = [Shift(1e-4, NAMES), Shift(2e-4, NAMES), Shift(-3e-4, NAMES)]

    weights.use(tiny)

    for name, tensor in state(weights).items():
        expected = tensors[name].float()
        for patch in tiny:
            expected = expected + patch.amount
        assert torch.equal(tensor, expected.to(torch.bfloat16))


def test_a_value_can_be_had_without_changing_the_network(tmp_path: Path) -> None:
    weights, tensors = weights_of(tmp_path)
    before = state(weights)

    value = weights.value(NAMES[0], [Shift(1, NAMES)])

    assert torch.equal(value, tensors[NAMES[0]] + 1)
    assert same(state(weights), before)
    assert torch.equal(weights.original(NAMES[0]), tensors[NAMES[0]])


def test_patches_apply_within_inference_mode(tmp_path: Path) -> None:
    with torch.inference_mode():
        weights, _ = weights_of(tmp_path)
        weights.use([Shift(1, NAMES)])
        within = weights.network(torch.ones(1, 8))
        weights.use([])
    weights.use([Shift(1, NAMES)])

    assert torch.equal(weights.network(torch.ones(1, 8)), within)


@pytest.mark.parametrize(
    ("dtype", "fraction_bits", "lowest", "largest"),
    [(torch.float8_e4m3fn, 3, -6, 448.0), (torch.float8_e5m2, 2, -14, 57344.0)],
)
def test_eight_bit_rounding_goes_to_a_neighbour_and_is_right_on_average(
    dtype: torch.dtype, fraction_bits: int, lowest: int, largest: float
) -> None:
    exact = torch.tensor([0.3, -0.3, 1.07, 2.0**lowest / 7, -3.3 * 2.0**lowest, 0.0, 448.0, 1e6])
    many = exact[:, None].expand(-1, 20000).contiguous()

    rounded = round_to_fp8(many, dtype, "a name").float()

    exponent = exact.abs().clamp(min=2.0**lowest).log2().floor()
    step = 2.0 ** (exponent - fraction_bits)
    below, above = (exact / step).floor() * step, (exact / step).ceil() * step
    neighbour = (rounded == below[:, None]) | (rounded == above[:, None])
    assert neighbour[:-1].all()
    assert (rounded[-1] == largest).all()
    assert ((rounded.mean(1) - exact).abs()[:-1] <= 0.02 * step[:-1]).all()


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2], ids=str)
def test_eight_bit_rounding_gives_the_recorded_numbers(dtype: torch.dtype) -> None:
    record = json.loads(RECORDED.read_text(encoding="utf-8"))["quant"]
    result = record[f"stochastic_rounding {str(dtype).removeprefix('torch.')}"]["result"]
    weight = 3 * torch.randn(8, 8, generator=torch.Generator().manual_seed(121))

    rounded = round_to_fp8(weight, dtype, "diffusion_model.img_in.weight")

    assert rounded.flatten().tolist() == result["val"]


def test_eight_bit_rounding_depends_on_the_name_alone() -> None:
    weight = torch.randn(64, 64, generator=torch.Generator().manual_seed(1))

    def bits(name: str) -> Sequence[int]:
        return round_to_fp8(weight, torch.float8_e4m3fn, name).view(torch.uint8).flatten().tolist()

    assert bits("a") == bits("a")
    assert bits("a") != bits("b")


def test_eight_bit_weights_are_patched_and_restored(tmp_path: Path) -> None:
    weights, tensors = weights_of(tmp_path, stored=torch.float8_e4m3fn, dtype=torch.float8_e4m3fn)

    weights.use([Shift(1, NAMES)])
    patched = first_tensor(weights).float()
    weights.use([])

    expected = tensors[NAMES[0]].float() + 1
    assert ((patched - expected).abs() <= 2.0**-3).all()
    assert torch.equal(first_tensor(weights).view(torch.uint8), tensors[NAMES[0]].view(torch.uint8))


def test_at_home_the_tensors_are_the_files_own(tmp_path: Path) -> None:
    weights, tensors = weights_of(tmp_path, stored=torch.float16)
    weights.use([Shift(1.0, NAMES)])

    weights.come_home()

    assert not weights.away
    assert {name: tensor.dtype for name, tensor in state(weights).items()} == dict.fromkeys(
        NAMES, torch.float16
    )
    assert all(torch.equal(state(weights)[name], tensors[name]) for name in NAMES)


def test_at_work_the_tensors_are_away_and_patched(tmp_path: Path) -> None:
    weights, tensors = weights_of(tmp_path, stored=torch.float16)
    weights.come_home()

    with weights.at_work([Shift(1.0, ["0.weight"])]):
        found = state(weights)

    assert weights.away
    assert torch.equal(found["0.weight"], tensors["0.weight"].float() + 1)
    assert torch.equal(found["1.weight"], tensors["1.weight"].float())


def test_streamed_weights_stay_at_home_with_their_patches_and_compute_the_same(tmp_path: Path) -> None:
    weights, _ = weights_of(tmp_path, stored=torch.float16)
    given = torch.ones(8)
    weights.use([Shift(1.0, ["0.weight"])])
    expected = weights.network(given)

    weights.stream()
    with weights.at_work([Shift(1.0, ["0.weight"])]):
        found = weights.network(given)

    assert torch.equal(found, expected)
