"""Prompts that hold the nodes of models, conditioning and latents; `test_model_graphs.py` POSTs them.

They name the models and pictures of the recorded pipelines.
"""

from collections.abc import Callable
from typing import Any

from tests.prompt_graph import Link, PromptGraph

WIDTH, HEIGHT = 96, 64
SIZE = {"width": WIDTH, "height": HEIGHT}
FACTORS = {"q": 1.1, "k": 0.9, "v": 1.2, "out": 0.8}
CHANGES: dict[str, dict[str, Any]] = {  # of a model, each good for a picture of its own
    "APG": {"eta": 0.5, "norm_threshold": 5.0, "momentum": 0.3},
    "CFGNorm": {"strength": 0.7},
    "CFGZeroStar": {},
    "EasyCache": {"reuse_threshold": 1.0, "start_percent": 0.0, "end_percent": 1.0},
    "Epsilon Scaling": {"scaling_factor": 1.05},
    "FreSca": {"scale_low": 0.8, "scale_high": 1.4, "freq_cutoff": 2},
    "FreeU": {},
    "FreeU_V2": {},
    "HypernetworkLoader": {"hypernetwork_name": "golden_hyper.pt"},
    "HyperTile": {"tile_size": 32, "max_depth": 1},
    "Mahiro": {},
    "PatchModelAddDownscale": {"end_percent": 1.0},
    "PerturbedAttentionGuidance": {},
    "RenormCFG": {"renorm_cfg": 0.5},
    "RescaleCFG": {},
    "SelfAttentionGuidance": {},
    "TCFG": {},
    "TomePatchModel": {"ratio": 0.6},
    "UNetCrossAttentionMultiply": FACTORS,
    "UNetSelfAttentionMultiply": FACTORS,
}


FOLDER = "saved by diffusers"  # below models/diffusers: the parts of the first recorded model
CONFIG, CONFIG_TEXT = "velocity.yaml", "model:\n  params:\n    parameterization: v\n"


class ModelGraph(PromptGraph):
    """A graph that begins with a checkpoint and its texts."""

    def __init__(self, checkpoint: str) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.model = self.add("CheckpointLoaderSimple", ckpt_name=checkpoint)
        self.clip: Link = [self.model[0], 1]
        self.vae: Link = [self.model[0], 2]
        self.positive = self.text("a red fox in the snow")
        self.negative = self.text("blurry")
        self.latent = self.add("EmptyLatentImage", **SIZE)

    def text(self, text: str, clip: Link | None = None) -> Link:
        """A text, encoded."""
        return self.add("CLIPTextEncode", clip=clip or self.clip, text=text)

    def sample(self, **parts: Any) -> Link:
        """Two steps with the graph's own parts where none are given."""
        sides = {"positive": self.positive, "negative": self.negative}
        inputs = {"model": self.model, "latent_image": self.latent, "seed": 5, "steps": 2, "cfg": 6.0}
        return self.add("KSampler", **{**sides, **inputs, **parts})

    def draw(self, **parts: Any) -> Link:
        """Sample, decode and show."""
        return self.show(self.sample(**parts), self.vae)


def latents() -> PromptGraph:
    """Latents cut, mixed, enlarged, put together, and written to files."""
    graph = ModelGraph("golden_sd1.safetensors")
    add, vae = graph.add, graph.vae
    first = graph.sample()
    second = add("LatentFlip", samples=first, flip_method="y-axis: horizontally")
    pair = {"samples1": first, "samples2": second}
    both = add("LatentBatch", **pair)
    fixed = add("LatentBatchSeedBehavior", samples=both, seed_behavior="fixed")
    mask = add("SolidMask", value=0.5, width=32, height=32)
    masked = add("SetLatentNoiseMask", samples=first, mask=mask)
    larger = add("LatentUpscale", samples=first, upscale_method="bicubic", width=144, height=96)
    for latent in (
        second,
        both,
        add("LatentAdd", **pair),
        add("LatentSubtract", **pair),
        add("LatentMultiply", samples=first, multiplier=0.7),
        add("LatentInterpolate", **pair, ratio=0.3),
        add("LatentBlend", **pair, blend_factor=0.3),
        add("LatentComposite", samples_to=first, samples_from=second, x=16, y=8, feather=8),
        add("LatentCompositeMasked", destination=first, source=second, x=8, y=8, mask=mask),
        larger,
        add("LatentCrop", samples=larger, width=64, height=64, x=16, y=8),
        add("LatentRotate", samples=first, rotation="90 degrees"),
        add("RepeatLatentBatch", samples=first, amount=2),
        add("LatentFromBatch", samples=both, batch_index=0),
        graph.sample(latent_image=fixed, denoise=0.6, sampler_name="euler_ancestral"),
        graph.sample(latent_image=masked),
    ):
        graph.show(latent, vae)
    empty = add("StableCascade_EmptyLatentImage", width=256, height=256)
    others = {
        "sampled": first,
        "sd3": add("EmptySD3LatentImage", width=64, height=32),
        "cascade_c": empty,
        "cascade_b": [empty[0], 1],
        "radiance": add("EmptyChromaRadianceLatentImage", width=48, height=32),
    }
    for name, latent in others.items():
        add("SaveLatent", samples=latent, filename_prefix=f"latents/{name}")
    return graph


def latent_lists() -> PromptGraph:
    """A batch that goes on one by one."""
    graph = ModelGraph("golden_sd1.safetensors")
    batch = graph.add("EmptyLatentImage", **SIZE, batch_size=3)
    graph.show(graph.sample(latent_image=graph.add("RebatchLatents", latents=batch)), graph.vae)
    return graph


def latent_from_file() -> PromptGraph:
    """A latent that was saved before."""
    graph = ModelGraph("golden_sd1.safetensors")
    graph.show(graph.add("LoadLatent", latent="sampled_00001_.latent"), graph.vae)
    return graph


def model_changes() -> PromptGraph:
    """The plain picture, then one of each node that changes a model or text encoder."""
    graph = ModelGraph("golden_sd1.safetensors")
    graph.draw(steps=3)
    nothing = graph.text("")
    for class_type, inputs in CHANGES.items():
        graph.draw(steps=3, model=graph.add(class_type, model=graph.model, **inputs))
    graph.draw(steps=3, model=graph.add("PerpNeg", model=graph.model, empty_conditioning=nothing))
    multiplied = graph.add("CLIPAttentionMultiply", clip=graph.clip, **FACTORS)
    graph.draw(steps=3, positive=graph.text("a red fox in the snow", multiplied))
    early = graph.add("CLIPSetLastLayer", clip=graph.clip, stop_at_clip_layer=-2)
    graph.draw(steps=3, positive=graph.text("a red fox in the snow", early))
    guider = graph.add(
        "PerpNegGuider",
        model=graph.model,
        positive=graph.positive,
        negative=graph.negative,
        empty_conditioning=nothing,
    )
    walked = graph.add(
        "SamplerCustomAdvanced",
        noise=graph.add("RandomNoise", noise_seed=5),
        guider=guider,
        sampler=graph.add("KSamplerSelect", sampler_name="euler"),
        sigmas=graph.add("BasicScheduler", model=graph.model, scheduler="simple", steps=3),
        latent_image=graph.latent,
    )
    graph.show(walked, graph.vae)
    picture = graph.add("LoadImage", image="golden_grad.png")
    source = graph.add("VAEEncode", pixels=picture, vae=graph.vae)
    soft = graph.add("SetLatentNoiseMask", samples=source, mask=[picture[0], 1])
    softened = graph.add("DifferentialDiffusion", model=graph.model)
    graph.show(graph.sample(model=softened, latent_image=soft), graph.vae)
    compiled = graph.add("TorchCompileModel", model=graph.model, backend="inductor")
    graph.add("PreviewAny", source=compiled)  # compiling itself takes minutes and a compiler
    return graph


def texts_and_places() -> PromptGraph:
    """The plain picture, then one of each node that changes a conditioning."""
    graph = ModelGraph("golden_sd1.safetensors")
    graph.draw()
    add, positive = graph.add, graph.positive
    other = graph.text("a bright lake")
    mixed = {"conditioning_to": positive, "conditioning_from": other}
    graph.draw(positive=add("ConditioningAverage", **mixed, conditioning_to_strength=0.4))
    graph.draw(positive=add("ConditioningConcat", **mixed))
    graph.draw(negative=add("ConditioningZeroOut", conditioning=graph.negative))
    late = add("ConditioningSetTimestepRange", conditioning=other, start=0.4, end=1.0)
    graph.draw(positive=add("ConditioningCombine", conditioning_1=positive, conditioning_2=late))
    corner = add("ConditioningSetArea", conditioning=other, width=64, height=64)
    strong = add("ConditioningSetAreaStrength", conditioning=corner, strength=3.0)
    graph.draw(positive=add("ConditioningCombine", conditioning_1=positive, conditioning_2=strong))
    return graph


def boxes() -> PromptGraph:
    """The plain picture, then one with a text in a box."""
    graph = ModelGraph("golden_sd2.safetensors")
    add, positive = graph.add, graph.positive
    graph.draw()
    gligen = add("GLIGENLoader", gligen_name="golden_gligen.safetensors")
    box = {"clip": graph.clip, "gligen_textbox_model": gligen, "text": "a dog", "width": 40, "height": 32}
    graph.draw(positive=add("GLIGENTextBoxApply", conditioning_to=positive, **box, x=16, y=8))
    return graph


def control() -> PromptGraph:
    """The plain picture, then one of each node that loads or applies a control net."""
    graph = ModelGraph("golden_sd1.safetensors")
    graph.draw()
    add = graph.add
    picture = add("LoadImage", image="golden_hint.png")
    net = add("ControlNetLoader", control_net_name="golden_sd1_control.safetensors")
    told = add("SetUnionControlNetType", control_net=net, type="depth")
    difference = add(
        "DiffControlNetLoader", model=graph.model, control_net_name="golden_sd1_control_diff.safetensors"
    )
    steered = add("ControlNetApply", conditioning=graph.positive, control_net=told, image=picture)
    graph.draw(positive=steered)
    sides = {"positive": graph.positive, "negative": graph.negative, "image": picture, "vae": graph.vae}
    for applied in (
        add("ControlNetApplySD3", **sides, control_net=difference, strength=0.7),
        add("ControlNetInpaintingAliMamaApply", **sides, control_net=net, mask=[picture[0], 1], strength=0.5),
    ):
        graph.draw(positive=applied, negative=[applied[0], 1])
    return graph


def edited() -> PromptGraph:
    """A picture edited by words."""
    graph = ModelGraph("golden_sd1_ip2p.safetensors")
    sides = {"positive": graph.positive, "negative": graph.negative}
    picture = graph.add("LoadImage", image="golden_a.png")
    edit = graph.add("InstructPixToPixConditioning", **sides, vae=graph.vae, pixels=picture)
    graph.draw(positive=edit, negative=[edit[0], 1], latent_image=[edit[0], 2])
    return graph


def merges() -> PromptGraph:
    """The plain picture, then one of each merge of two models or text encoders; merges go into files."""
    graph = ModelGraph("golden_sd1.safetensors")
    add = graph.add
    graph.draw()
    second = add("CheckpointLoaderSimple", ckpt_name="golden_sd1_b.safetensors")
    models = {"model1": graph.model, "model2": second}
    texts = {"clip1": graph.clip, "clip2": [second[0], 1]}
    merged = add("ModelMergeBlocks", **models, input=0.2, middle=0.5, out=0.9)
    merged_text = add("CLIPMergeSubtract", **texts, multiplier=0.2)
    blocks = {"input_blocks.1.": 0.3, "middle_block.1.": 0.0, "out.": 0.5}
    for model in (
        merged,
        add("ModelMergeAdd", **models),
        add("ModelMergeSubtract", **models, multiplier=0.3),
        add("ModelMergeSD1", **models, **blocks),
    ):
        graph.draw(model=model)
    for clip in (merged_text, add("CLIPMergeAdd", **texts)):
        graph.draw(positive=graph.text("a red fox in the snow", clip))
    graph.draw(model=merged, positive=graph.text("a red fox in the snow", merged_text))
    add("ModelSave", model=merged, filename_prefix="diffusion_models/merged_unet")
    add("CLIPSave", clip=merged_text, filename_prefix="clip/merged")
    add("VAESave", vae=graph.vae, filename_prefix="vae/kept")
    return graph


def merges_from_files() -> PromptGraph:
    """The last picture of `merges` again, from the files that it wrote."""
    graph = PromptGraph()
    add = graph.add
    model = add("UNETLoader", unet_name="merged_unet_00001_.safetensors")
    merged_text = add("CLIPLoader", clip_name="merged_clip_l_00001_.safetensors")
    text = add("CLIPLoader", clip_name="plain_clip_l_00001_.safetensors")
    vae = add("VAELoader", vae_name="kept_00001_.safetensors")
    sampled = add(
        "KSampler",
        model=model,
        positive=add("CLIPTextEncode", clip=merged_text, text="a red fox in the snow"),
        negative=add("CLIPTextEncode", clip=text, text="blurry"),
        latent_image=add("EmptyLatentImage", **SIZE),
        seed=5,
        steps=2,
        cfg=6.0,
    )
    graph.show(sampled, vae)
    return graph


def text_encoders_to_files() -> PromptGraph:
    """The text encoders of two families, each in a file."""
    graph = PromptGraph()
    for name, checkpoint in (("plain", "golden_sd1.safetensors"), ("xl", "golden_sdxl.safetensors")):
        loaded = graph.add("CheckpointLoaderSimple", ckpt_name=checkpoint)
        graph.add("CLIPSave", clip=[loaded[0], 1], filename_prefix=f"clip/{name}")
    return graph


def xl() -> PromptGraph:
    """A picture of SDXL, one of a merge, and the first again with texts encoded from two files."""
    graph = ModelGraph("golden_sdxl.safetensors")
    add = graph.add
    graph.draw()
    second = add("CheckpointLoaderSimple", ckpt_name="golden_sdxl_b.safetensors")
    blocks = {"input_blocks.4": 0.3, "output_blocks.1": 0.1}
    graph.draw(model=add("ModelMergeSDXL", model1=graph.model, model2=second, **blocks))
    names = ("xl_clip_l_00001_.safetensors", "xl_clip_g_00001_.safetensors")
    pair = add("DualCLIPLoader", clip_name1=names[0], clip_name2=names[1], type="sdxl")
    both = {"positive": "a red fox in the snow", "negative": "blurry"}
    graph.draw(**{side: graph.text(text, pair) for side, text in both.items()})
    return graph


def tiles() -> PromptGraph:
    """A picture encoded, sampled and decoded in tiles."""
    graph = ModelGraph("golden_sd1.safetensors")
    picture = graph.add("LoadImage", image="golden_a.png")
    vae = graph.add("VAELoader", vae_name="golden_vae.safetensors")
    encoded = graph.add("VAEEncodeTiled", pixels=picture, vae=vae, tile_size=64, overlap=16)
    sampled = graph.sample(latent_image=encoded, denoise=0.5)
    graph.show_picture(graph.add("VAEDecodeTiled", samples=sampled, vae=vae, tile_size=64, overlap=16))
    return graph


def steered_net_text() -> PromptGraph:
    """The picture of a net without a text of its own, then the one with it."""
    graph = ModelGraph("golden_sd1.safetensors")
    picture = graph.add("LoadImage", image="golden_hint.png")
    net = graph.add("ControlNetLoader", control_net_name="golden_sd1_control.safetensors")
    sides = {"negative": graph.negative, "control_net": net, "image": picture}
    told = graph.add(
        "CLIPTextEncodeControlnet", clip=graph.clip, conditioning=graph.positive, text="a bright lake"
    )
    for positive in (graph.positive, told):
        applied = graph.add("ControlNetApplyAdvanced", positive=positive, **sides)
        graph.draw(positive=applied, negative=[applied[0], 1])
    return graph


def older_loaders() -> PromptGraph:
    """The plain picture, one of the same file with a config, and the first again from a folder."""
    graph = ModelGraph("golden_sd1.safetensors")
    graph.draw()
    told = graph.add("CheckpointLoader", ckpt_name=graph.checkpoint, config_name=CONFIG)
    graph.show(graph.sample(model=told, positive=graph.text("a red fox", [told[0], 1])), [told[0], 2])
    folder = graph.add("DiffusersLoader", model_path=FOLDER)
    sides = {"positive": "a red fox in the snow", "negative": "blurry"}
    texts = {side: graph.text(text, [folder[0], 1]) for side, text in sides.items()}
    graph.show(graph.sample(model=folder, **texts), [folder[0], 2])
    return graph


GRAPHS: dict[str, Callable[[], PromptGraph]] = {
    each.__name__: each
    for each in (
        latents,
        latent_lists,
        latent_from_file,
        model_changes,
        texts_and_places,
        boxes,
        control,
        steered_net_text,
        edited,
        text_encoders_to_files,
        merges,
        merges_from_files,
        xl,
        tiles,
        older_loaders,
    )
}
"""By name."""

NEEDS = {
    "latent_from_file": ("latents",),
    "merges_from_files": ("text_encoders_to_files", "merges"),
    "xl": ("text_encoders_to_files",),
}
"""Graphs that read what others wrote."""
