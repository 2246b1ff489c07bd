"""Which recorded node classes and fixtures do not run yet; the tests refuse entries that do run.

Landing a node means taking its class out of its group: its cases run from then on. Cases that need a fixture
without runner are named in FIXTURES until the runner is there.
"""

_GUIDANCE = """
    SkipLayerGuidanceSD3
"""

_INPAINTING = """
    SD_4XUpscale_Conditioning
"""

_VISION = """
    CLIPVisionEncode
    CLIPVisionLoader
    StyleModelApply
    StyleModelLoader
    unCLIPConditioning
"""

_OTHER_FAMILIES = """
    CLIPTextEncodeFlux
    CLIPTextEncodeSD3
    FluxDisableGuidance
    FluxGuidance
    FluxKontextMultiReferenceLatentMethod
    ModelPatchLoader
    ReferenceLatent
    StableCascade_StageB_Conditioning
    StableCascade_StageC_VAEEncode
    StableCascade_SuperResolutionControlnet
    T5TokenizerOptions
    USOStyleReference
"""

NODES = frozenset((_GUIDANCE + _INPAINTING + _VISION + _OTHER_FAMILIES).split())

FIXTURES: frozenset[tuple[str | None, str]] = frozenset()
"""Fixture and class of cases whose node is there, but not the surroundings that the case needs."""

REPAIRED: dict[tuple[str, str], str] = {
    ("LatentInterpolate", "batch 3 of 4 channels fails"): "every latent has lengths of its own",
    ("ImageBlend", "RGBA first, RGB second fails"): "the second picture counts as opaque",
    ("ImageCompositeMasked", "RGB source on RGBA fails"): "the source counts as opaque",
    ("AddNoise", "sd1_eps none"): "without noise levels the latent goes on unchanged",
    ("AddNoise", "flux none"): "without noise levels the latent goes on unchanged",
}
"""Node and case of recorded failures that are defects and do not happen here, each with what happens."""
