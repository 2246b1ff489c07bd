"""All samplers by the name that menus and prompts use; read by `ksample.py` and the node declarations."""

from functools import partial

from app.inference.samplers.base import Sampler
from app.inference.samplers.ddpm import ddpm
from app.inference.samplers.deis import deis
from app.inference.samplers.dpm_2 import dpm_2, dpm_2_ancestral
from app.inference.samplers.dpm_adaptive import dpm_adaptive
from app.inference.samplers.dpm_fast import dpm_fast
from app.inference.samplers.dpmpp_2m import dpmpp_2m
from app.inference.samplers.dpmpp_2m_cfg_pp import dpmpp_2m_cfg_pp
from app.inference.samplers.dpmpp_2m_sde import dpmpp_2m_sde
from app.inference.samplers.dpmpp_2s_ancestral import dpmpp_2s_ancestral
from app.inference.samplers.dpmpp_2s_ancestral_cfg_pp import dpmpp_2s_ancestral_cfg_pp
from app.inference.samplers.dpmpp_3m_sde import dpmpp_3m_sde
from app.inference.samplers.dpmpp_sde import dpmpp_sde
from app.inference.samplers.er_sde import er_sde
from app.inference.samplers.euler import euler
from app.inference.samplers.euler_ancestral import euler_ancestral
from app.inference.samplers.euler_cfg_pp import euler_ancestral_cfg_pp, euler_cfg_pp
from app.inference.samplers.gradient_estimation import gradient_estimation
from app.inference.samplers.gradient_estimation_cfg_pp import gradient_estimation_cfg_pp
from app.inference.samplers.heun import heun
from app.inference.samplers.heunpp2 import heunpp2
from app.inference.samplers.ipndm import ipndm, ipndm_v
from app.inference.samplers.lcm import lcm
from app.inference.samplers.lms import lms
from app.inference.samplers.res_multistep import res_multistep, res_multistep_cfg_pp
from app.inference.samplers.sa_solver import sa_solver
from app.inference.samplers.seeds import seeds_2, seeds_3
from app.inference.samplers.uni_pc import uni_pc, uni_pc_bh2, without_zero

# The "_gpu" names draw their noise where the sample is: other pictures than on the CPU, and faster.
SAMPLERS: dict[str, Sampler] = {  # in the order of the menus
    "euler": Sampler(method=euler),
    "euler_cfg_pp": Sampler(method=euler_cfg_pp),
    "euler_ancestral": Sampler(method=euler_ancestral),
    "euler_ancestral_cfg_pp": Sampler(method=euler_ancestral_cfg_pp),
    "heun": Sampler(method=heun),
    "heunpp2": Sampler(method=heunpp2),
    "dpm_2": Sampler(method=dpm_2, drops_penultimate_sigma=True),
    "dpm_2_ancestral": Sampler(method=dpm_2_ancestral, drops_penultimate_sigma=True),
    "lms": Sampler(method=lms),
    "dpm_fast": Sampler(method=dpm_fast),
    "dpm_adaptive": Sampler(method=dpm_adaptive),
    "dpmpp_2s_ancestral": Sampler(method=dpmpp_2s_ancestral),
    "dpmpp_2s_ancestral_cfg_pp": Sampler(method=dpmpp_2s_ancestral_cfg_pp),
    "dpmpp_sde": Sampler(method=dpmpp_sde),
    "dpmpp_sde_gpu": Sampler(method=partial(dpmpp_sde, tree_on_cpu=False)),
    "dpmpp_2m": Sampler(method=dpmpp_2m),
    "dpmpp_2m_cfg_pp": Sampler(method=dpmpp_2m_cfg_pp),
    "dpmpp_2m_sde": Sampler(method=dpmpp_2m_sde),
    "dpmpp_2m_sde_gpu": Sampler(method=partial(dpmpp_2m_sde, tree_on_cpu=False)),
    "dpmpp_2m_sde_heun": Sampler(method=partial(dpmpp_2m_sde, solver_type="heun")),
    "dpmpp_2m_sde_heun_gpu": Sampler(method=partial(dpmpp_2m_sde, solver_type="heun", tree_on_cpu=False)),
    "dpmpp_3m_sde": Sampler(method=dpmpp_3m_sde),
    "dpmpp_3m_sde_gpu": Sampler(method=partial(dpmpp_3m_sde, tree_on_cpu=False)),
    "ddpm": Sampler(method=ddpm),
    "lcm": Sampler(method=lcm),
    "ipndm": Sampler(method=ipndm),
    "ipndm_v": Sampler(method=ipndm_v),
    "deis": Sampler(method=deis),
    "res_multistep": Sampler(method=res_multistep),
    "res_multistep_cfg_pp": Sampler(method=res_multistep_cfg_pp),
    "res_multistep_ancestral": Sampler(method=partial(res_multistep, eta=1.0)),
    "res_multistep_ancestral_cfg_pp": Sampler(method=partial(res_multistep_cfg_pp, eta=1.0)),
    "gradient_estimation": Sampler(method=gradient_estimation),
    "gradient_estimation_cfg_pp": Sampler(method=gradient_estimation_cfg_pp),
    "er_sde": Sampler(method=er_sde),
    "seeds_2": Sampler(method=seeds_2),
    "seeds_3": Sampler(method=seeds_3),
    "sa_solver": Sampler(method=sa_solver),
    "sa_solver_pece": Sampler(method=partial(sa_solver, use_pece=True)),
    "ddim": Sampler(method=euler, separate_mask_noise=True),
    "uni_pc": Sampler(method=uni_pc, drops_penultimate_sigma=True, prepares=without_zero),
    "uni_pc_bh2": Sampler(method=uni_pc_bh2, drops_penultimate_sigma=True, prepares=without_zero),
}
