"""Nodes that change what happens inside a UNet: better pictures, larger ones, or fewer computations."""

from dataclasses import replace

from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.unet.compiled import CompiledUNet
from app.inference.network_changes.deep_shrink import Shrink, deep_shrink
from app.inference.network_changes.easy_cache import EasyCache
from app.inference.network_changes.free_u import free_u, free_u_v2
from app.inference.network_changes.hyper_tile import hyper_tile
from app.inference.network_changes.token_merging import token_merging
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, boolean, choice, integer, number, output, socket


def _free_u(
    context: NodeContext, *, model: DiffusionModel, b1: float, b2: float, s1: float, s2: float
) -> tuple[DiffusionModel]:
    return (model.with_network_hooks(free_u(model.network.shape.width, b1=b1, b2=b2, s1=s1, s2=s2)),)


def _free_u_v2(
    context: NodeContext, *, model: DiffusionModel, b1: float, b2: float, s1: float, s2: float
) -> tuple[DiffusionModel]:
    return (model.with_network_hooks(free_u_v2(model.network.shape.width, b1=b1, b2=b2, s1=s1, s2=s2)),)


def _hyper_tile(
    context: NodeContext,
    *,
    model: DiffusionModel,
    tile_size: int,
    swap_size: int,
    max_depth: int,
    scale_depth: bool,
) -> tuple[DiffusionModel]:
    return (model.with_network_hooks(hyper_tile(tile_size, swap_size, max_depth, scale_depth=scale_depth)),)


def _token_merging(context: NodeContext, *, model: DiffusionModel, ratio: float) -> tuple[DiffusionModel]:
    return (model.with_network_hooks(token_merging(ratio)),)


def _deep_shrink(
    context: NodeContext,
    *,
    model: DiffusionModel,
    block_number: int,
    downscale_factor: float,
    start_percent: float,
    end_percent: float,
    downscale_after_skip: bool,
    downscale_method: str,
    upscale_method: str,
) -> tuple[DiffusionModel]:
    shrink = Shrink(
        block=block_number,
        factor=downscale_factor,
        start_percent=start_percent,
        end_percent=end_percent,
        after_skip=downscale_after_skip,
        downscale_method=downscale_method,
        upscale_method=upscale_method,
    )
    return (model.with_network_hooks(deep_shrink(shrink)),)


def _easy_cache(
    context: NodeContext,
    *,
    model: DiffusionModel,
    reuse_threshold: float,
    start_percent: float,
    end_percent: float,
    verbose: bool,
) -> tuple[DiffusionModel]:
    cache = EasyCache(
        threshold=reuse_threshold, start_percent=start_percent, end_percent=end_percent, verbose=verbose
    )
    return (model.with_network_hooks(cache.hooks()),)


def _compile(context: NodeContext, *, model: DiffusionModel, backend: str) -> tuple[DiffusionModel]:
    return (replace(model, network=CompiledUNet(model.network, backend)),)


def _factor(name: str, default: float, tooltip: str) -> InputSchema:
    return number(name, default=default, low=0.0, high=10.0, step=0.01, tooltip=tooltip)


def _free_u_factors(b1: float, b2: float) -> tuple[InputSchema, ...]:
    return (
        _factor("b1", b1, "Strength of the deepest decoder blocks' own features."),
        _factor("b2", b2, "The same for the blocks after them."),
        _factor("s1", 0.9, "Share of low frequencies that skip connections bring to the deepest blocks."),
        _factor("s2", 0.2, "The same for the blocks after them."),
    )


def _percent(name: str, default: float, step: float, tooltip: str) -> InputSchema:
    return number(name, default=default, low=0.0, high=1.0, step=step, tooltip=tooltip)


_MODEL = socket("model", "MODEL", tooltip="The model to change; it stays usable as it is.")
_CHANGED = output("MODEL", tooltip="The changed model.")
_METHODS = ("bicubic", "nearest-exact", "bilinear", "area", "bislerp")

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="FreeU",
            display_name="FreeU",
            category="model_patches/unet",
            description="Rebalances the UNet's decoder for more coherent pictures, at no cost.",
            module="comfy_extras.nodes_freelunch",
            inputs=(_MODEL, *_free_u_factors(1.1, 1.2)),
            outputs=(_CHANGED,),
        ),
        run=_free_u,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="FreeU_V2",
            display_name="FreeU_V2",
            category="model_patches/unet",
            description="FreeU that strengthens features only where the picture has something to show.",
            module="comfy_extras.nodes_freelunch",
            inputs=(_MODEL, *_free_u_factors(1.3, 1.4)),
            outputs=(_CHANGED,),
        ),
        run=_free_u_v2,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="HyperTile",
            category="model_patches/unet",
            description="Makes large pictures faster by self-attention within tiles.",
            module="comfy_extras.nodes_hypertile",
            inputs=(
                _MODEL,
                integer(
                    "tile_size", default=256, low=1, high=2048, tooltip="Smallest side of a tile in pixels."
                ),
                integer(
                    "swap_size",
                    default=2,
                    low=1,
                    high=128,
                    tooltip="Of how many tile sizes one is drawn each time, so that no seams stay.",
                ),
                integer(
                    "max_depth",
                    default=0,
                    low=0,
                    high=10,
                    tooltip="How many halvings of the resolution down tiles are used.",
                ),
                boolean("scale_depth", default=False, tooltip="Larger tiles at lower resolutions."),
            ),
            outputs=(_CHANGED,),
            v3=True,
        ),
        run=_hyper_tile,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="TomePatchModel",
            category="model_patches/unet",
            description="Makes sampling faster by merging places that look alike before self-attention.",
            module="comfy_extras.nodes_tomesd",
            search_aliases=("token merging", "ToMe"),
            inputs=(_MODEL, _percent("ratio", 0.3, 0.01, "Share of the places that are merged.")),
            outputs=(_CHANGED,),
            v3=True,
        ),
        run=_token_merging,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="PatchModelAddDownscale",
            display_name="PatchModelAddDownscale (Kohya Deep Shrink)",
            category="model_patches/unet",
            description="Composes large pictures at a smaller size first, against doubled subjects.",
            module="comfy_extras.nodes_model_downscale",
            inputs=(
                _MODEL,
                integer(
                    "block_number",
                    default=3,
                    low=1,
                    high=32,
                    step=1,
                    tooltip="The input block after which the picture shrinks.",
                ),
                number(
                    "downscale_factor",
                    default=2.0,
                    low=0.1,
                    high=9.0,
                    step=0.001,
                    tooltip="How much smaller it becomes.",
                ),
                _percent("start_percent", 0.0, 0.001, "Share of the schedule at which it begins."),
                _percent("end_percent", 0.35, 0.001, "Share of the schedule at which it ends."),
                boolean(
                    "downscale_after_skip",
                    default=True,
                    tooltip="The decoder still gets the block at full size.",
                ),
                choice("downscale_method", _METHODS, multiselect=False),
                choice("upscale_method", _METHODS, multiselect=False),
            ),
            outputs=(_CHANGED,),
        ),
        run=_deep_shrink,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="EasyCache",
            display_name="EasyCache",
            category="advanced/debug/model",
            description="Leaves out model calls at steps where the picture would hardly change.",
            module="comfy_extras.nodes_easycache",
            inputs=(
                _MODEL,
                number(
                    "reuse_threshold",
                    default=0.2,
                    low=0.0,
                    high=3.0,
                    step=0.01,
                    tooltip="How much change may add up before the model is called again; 0: none.",
                ),
                _percent("start_percent", 0.15, 0.01, "Share of the schedule at which it begins."),
                _percent("end_percent", 0.95, 0.01, "Share of the schedule at which it ends."),
                boolean("verbose", default=False, tooltip="Write every decision into the log."),
            ),
            outputs=(_CHANGED,),
            experimental=True,
        ),
        run=_easy_cache,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="TorchCompileModel",
            category="_for_testing",
            description="Compiles the model at its first step, which takes minutes; later ones are faster.",
            module="comfy_extras.nodes_torch_compile",
            inputs=(
                _MODEL,
                choice(
                    "backend",
                    ("inductor", "cudagraphs"),
                    multiselect=False,
                    tooltip="How. Nodes that change the inside of a UNet switch compiling off.",
                ),
            ),
            outputs=(_CHANGED,),
            experimental=True,
            v3=True,
        ),
        run=_compile,
    ),
)
