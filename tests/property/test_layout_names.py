"""Names of the original layout and of diffusers go over into each other without loss, at any size."""

from hypothesis import given
from hypothesis import strategies as st

from app.inference.models.files.ldm_names import UNetLevel, original_vae_name, rename, unet_modules, vae_name
from app.inference.models.text_tower import open_clip_names

LEVELS = st.lists(
    st.builds(UNetLevel, channels=st.just(32), blocks=st.integers(1, 4), depth=st.integers(0, 3)),
    min_size=1,
    max_size=6,
)


@given(LEVELS)
def test_every_unet_layer_has_one_name_in_each_layout(levels: list[UNetLevel]) -> None:
    modules = unet_modules(levels)
    back = {ours: theirs for theirs, ours in modules.items()}

    assert len(back) == len(modules)
    for theirs, ours in modules.items():
        for ending in (".weight", ".transformer_blocks.1.attn2.to_out.0.bias"):
            assert rename(theirs + ending, modules) == ours + ending
            assert rename(ours + ending, back) == theirs + ending


@given(levels=st.integers(1, 6), block=st.integers(0, 5), data=st.data())
def test_vae_names_go_there_and_back(levels: int, block: int, data: st.DataObject) -> None:
    level = data.draw(st.integers(0, levels - 1))
    names = [
        f"encoder.down.{level}.block.{block}.conv1.weight",
        f"encoder.down.{level}.block.{block}.nin_shortcut.bias",
        f"encoder.down.{level}.downsample.conv.weight",
        f"decoder.up.{level}.block.{block}.norm2.weight",
        f"decoder.up.{level}.block.{block}.nin_shortcut.weight",
        f"decoder.up.{level}.upsample.conv.bias",
        "quant_conv.weight",
        "post_quant_conv.bias",
        *(
            f"{side}.{part}"
            for side in ("encoder", "decoder")
            for part in (
                "conv_in.weight",
                "conv_out.bias",
                "norm_out.weight",
                "mid.block_1.conv2.weight",
                "mid.block_2.norm1.bias",
                "mid.attn_1.norm.weight",
                "mid.attn_1.q.weight",
                "mid.attn_1.k.bias",
                "mid.attn_1.v.weight",
                "mid.attn_1.proj_out.bias",
            )
        ),
    ]

    for name in names:
        assert original_vae_name(vae_name(name, levels), levels) == name


@given(st.integers(0, 40))
def test_every_part_of_an_open_clip_tensor_is_named_once(layers: int) -> None:
    names = dict(open_clip_names("", layers))

    pieces = [(stored.name, stored.part) for stored in names.values()]
    assert len(set(pieces)) == len(pieces)
    for stored in names.values():
        assert {part for name, part in pieces if name == stored.name} == set(range(stored.parts))
