"""All samplers by the name that menus and prompts use; read by `ksample.py` and the node declarations."""

from app.inference.samplers.base import Sampler
from app.inference.samplers.dpmpp_2m import dpmpp_2m
from app.inference.samplers.dpmpp_sde import dpmpp_sde
from app.inference.samplers.euler import euler
from app.inference.samplers.euler_ancestral import euler_ancestral
from app.inference.samplers.heun import heun
from app.inference.samplers.uni_pc import uni_pc, uni_pc_bh2, without_zero

SAMPLERS: dict[str, Sampler] = {  # in the order of the menus
    "euler": Sampler(method=euler),
    "euler_ancestral": Sampler(method=euler_ancestral),
    "heun": Sampler(method=heun),
    "dpmpp_sde": Sampler(method=dpmpp_sde),
    "dpmpp_2m": Sampler(method=dpmpp_2m),
    "ddim": Sampler(method=euler, separate_mask_noise=True),
    "uni_pc": Sampler(method=uni_pc, drops_penultimate_sigma=True, prepares=without_zero),
    "uni_pc_bh2": Sampler(method=uni_pc_bh2, drops_penultimate_sigma=True, prepares=without_zero),
}
