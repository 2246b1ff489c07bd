"""Time to the first answer and to the first picture, memory of the idle server; for `make bench`."""

import statistics

import psutil

from app.engine.node_catalog import packaged_schemas
from benchmarks.tools.figures import show
from benchmarks.tools.server import Server

REPEATS = 5
MB = 1_000_000


def first_answer_s() -> tuple[float, int]:
    """Seconds to the first 200 on /system_stats, and how many nodes /object_info has at that moment."""
    with Server() as server:
        seconds = server.wait_for_answer("/system_stats")
        return seconds, len(server.json("GET", "/object_info"))


def first_picture() -> tuple[float, float]:
    """Seconds to the first finished picture, and the server's resident memory before it, in MB."""
    with Server() as server:
        server.wait_for_answer("/system_stats")
        memory = psutil.Process(server.process.pid).memory_info().rss / MB
        checkpoints = server.json("GET", "/models/checkpoints")
        prompt_id = server.submit(text_to_image(checkpoints[0]))
        record = server.wait_for_prompt(prompt_id)
        if record["status"]["status_str"] != "success":
            raise RuntimeError(f"the prompt ended with {record['status']}")
        seconds = server.wait_until(lambda: True)
        return seconds, memory


def text_to_image(checkpoint: str) -> dict[str, object]:
    """The default workflow: 128 x 128 pixels, 20 steps."""
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
        "2": {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": "a red circle on a blue background", "clip": ["1", 1]},
        },
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 128, "height": 128, "batch_size": 1}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
                "seed": 1,
                "steps": 20,
                "cfg": 4.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
            },
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "bench"}},
    }


def main() -> None:
    """Print the figures."""
    answers = [first_answer_s() for _ in range(REPEATS)]
    show(
        "exec to first 200 on /system_stats (median of 5)",
        statistics.median(a[0] for a in answers),
        "s",
        at_most=1,
    )
    classes = min(a[1] for a in answers)
    show("node classes in /object_info at that moment", classes, "nodes", at_least=len(packaged_schemas()))
    seconds, memory = first_picture()
    show("server memory when idle (RSS)", memory, "MB", at_most=110)
    show("exec to first finished picture", seconds, "s", at_most=15)


if __name__ == "__main__":
    main()
