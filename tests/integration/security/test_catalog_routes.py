"""Nodes, models, settings and system over HTTP, in the shapes that ComfyUI's clients read."""

import importlib.metadata
import io
import json
import struct
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image

from app.api.comfy import system
from app.graph.node_schema import InputSchema, NodeSchema, OutputSchema
from tests.integration.security.running_app import Running

V1 = NodeSchema(
    class_type="Old",
    category="c",
    inputs=(
        InputSchema(name="image", type="IMAGE"),
        InputSchema(name="ckpt", type="COMBO", choices_from="models:checkpoints", options={"tooltip": "t"}),
        InputSchema(name="mode", type="COMBO", choices=("a", "b")),
        InputSchema(name="limit", type="FLOAT", options={"default": float("inf")}),
        InputSchema(name="extra", type="INT", required=False, options={"default": 1}),
    ),
    outputs=(OutputSchema(type="IMAGE", name="picture", is_list=True),),
    hidden={"prompt": "PROMPT"},
    output_node=True,
)
V3 = NodeSchema(
    class_type="New",
    category="c",
    inputs=(InputSchema(name="mode", type="COMBO", choices=("a",)), InputSchema(name="x", type="LATENT")),
    outputs=(OutputSchema(type="LATENT", name="LATENT"),),
    hidden={"prompt": "PROMPT"},
    v3=True,
)


def checkpoint(folder: Path, name: str, metadata: dict[str, str] | None = None) -> None:
    header = json.dumps({"__metadata__": metadata} if metadata else {}).encode()
    path = folder / "models" / "checkpoints" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header)


async def test_object_info_has_the_older_shape(local: Running) -> None:
    checkpoint(local.folders.base, "sub/m.safetensors")
    local.app.state.services.catalog.replace([V1, V3])
    answer = await local.http.get("/object_info/Old")
    info = json.loads(answer.text)["Old"]
    menu = info["input"]["required"]["ckpt"][0]
    assert "sub/m.safetensors" in menu
    assert info == {
        "input": {
            "required": {
                "image": ["IMAGE"],
                "ckpt": [menu, {"tooltip": "t"}],
                "mode": [["a", "b"]],
                "limit": ["FLOAT", {"default": float("inf")}],
            },
            "optional": {"extra": ["INT", {"default": 1}]},
            "hidden": {"prompt": "PROMPT"},
        },
        "input_order": {
            "required": ["image", "ckpt", "mode", "limit"],
            "optional": ["extra"],
            "hidden": ["prompt"],
        },
        "is_input_list": False,
        "output": ["IMAGE"],
        "output_is_list": [True],
        "output_name": ["picture"],
        "name": "Old",
        "display_name": "Old",
        "description": "",
        "python_module": "nodes",
        "category": "c",
        "output_node": True,
    }
    assert "Infinity" in answer.text


async def test_object_info_has_the_newer_shape(local: Running) -> None:
    local.app.state.services.catalog.replace([V1, V3])
    info = (await local.http.get("/api/object_info")).json()["New"]
    assert info["input"]["required"] == {
        "mode": ["COMBO", {"multiselect": False, "options": ["a"]}],
        "x": ["LATENT", {}],
    }
    assert info["input"]["hidden"] == {"prompt": ["PROMPT"]}
    assert info["display_name"] is None
    assert info["output_tooltips"] == [None]
    assert (info["deprecated"], info["experimental"], info["api_node"]) == (False, False, False)


async def test_the_editor_gets_null_for_numbers_browsers_cannot_read(local: Running) -> None:
    local.app.state.services.catalog.replace([V1])
    answer = await local.http.get("/object_info", headers={"X-Comfy-Creator": "1"})
    assert "Infinity" not in answer.text
    assert answer.json()["Old"]["input"]["required"]["limit"] == ["FLOAT", {"default": None}]


async def test_packaged_node_classes_are_there_without_an_executor(local: Running) -> None:
    info = (await local.http.get("/object_info")).json()
    seed = json.loads((Path(__file__).parents[2] / "golden" / "seed-workflow-api.json").read_text())
    for node in seed.values():
        declared = info[node["class_type"]]["input"]
        names = {*declared["required"], *declared.get("optional", {})}
        assert set(node["inputs"]) <= names
    assert (await local.http.get("/object_info/Nothing")).json() == {}


async def test_models_are_listed(local: Running) -> None:
    checkpoint(local.folders.base, "b.safetensors", {"title": "<b>"})
    checkpoint(local.folders.base, "sub/a.safetensors")
    (local.folders.base / "models" / "embeddings" / "word.pt").write_bytes(b"x")
    http = local.http
    names = (await http.get("/models/checkpoints")).json()
    assert [each for each in names if "demo" not in each] == ["b.safetensors", "sub/a.safetensors"]
    for unknown in ("unet", "nothing", "..", "state"):
        answer = await http.get(f"/models/{unknown}")
        assert (answer.status_code, len(answer.content)) == (404, 0) or unknown == ".."
    assert (await http.get("/embeddings")).json() == ["word"]
    folders = (await http.get("/experiment/models")).json()
    assert "configs" not in [each["name"] for each in folders]
    assert folders[0]["name"] == "checkpoints"
    files = (await http.get("/experiment/models/checkpoints")).json()
    found = next(each for each in files if each["name"] == "b.safetensors")
    assert (found["pathIndex"], set(found)) == (0, {"name", "pathIndex", "modified", "created", "size"})
    metadata = "/view_metadata/checkpoints?filename="
    assert (await http.get(f"{metadata}b.safetensors")).json() == {"title": "<b>"}
    assert (await http.get(f"{metadata}sub/a.safetensors")).status_code == 404
    assert (await http.get(f"{metadata}none.safetensors")).status_code == 404


async def test_system_stats_tell_no_paths(local: Running) -> None:
    answer = await local.http.get("/system_stats")
    stats = answer.json()
    assert stats["executor"]["state"] == "starting"
    assert isinstance(stats["system"]["ram_total"], int)
    assert stats["system"]["comfyui_version"] == "0.3.64"
    assert str(local.folders.base) not in answer.text


async def test_system_stats_have_a_device_and_torchs_version_before_the_executor_reports(
    local: Running,
) -> None:
    stats = (await local.http.get("/system_stats")).json()
    (device,) = stats["devices"]
    total = psutil.virtual_memory().total
    assert 0 < device.pop("vram_free") <= total
    assert 0 < device.pop("torch_vram_free") <= total
    assert device == {
        "name": "cpu",
        "type": "cpu",
        "index": None,
        "vram_total": total,
        "torch_vram_total": total,
    }
    assert stats["system"]["pytorch_version"] == torch.__version__


async def test_system_stats_name_no_torch_where_none_is_installed(
    local: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    system._installed_torch.cache_clear()
    try:
        stats = (await local.http.get("/system_stats")).json()
    finally:
        system._installed_torch.cache_clear()
    assert stats["system"]["pytorch_version"] is None


async def test_features_users_and_empty_lists(local: Running) -> None:
    http = local.http
    assert (await http.get("/features")).json() == {
        "supports_preview_metadata": True,
        "max_upload_size": 2_000_000,
    }
    assert (await http.get("/users")).json()["storage"] == "server"
    assert (await http.get("/extensions")).json() == []
    assert (await http.get("/workflow_templates")).json() == {}
    assert (await http.get("/i18n")).json() == {}
    assert (await http.get("/internal/logs")).json() == ""
    assert (await http.get("/api/internal/logs")).status_code == 404


async def test_settings_are_kept(local: Running) -> None:
    http = local.http
    assert (await http.get("/settings/Comfy.x")).json() is None
    saved = await http.post("/settings/Comfy.x", content=b'"y"')
    assert (saved.status_code, saved.content) == (200, b"")
    await http.post("/settings", json={"b": [1]})
    assert (await http.get("/settings")).json() == {"Comfy.x": "y", "b": [1]}
    assert (await http.get("/api/settings/b")).json() == [1]
    assert (await http.post("/settings", content=b"[]")).status_code == 400
    assert (await http.post("/settings", content=b"{")).status_code == 400


async def test_output_files_come_newest_first(local: Running) -> None:
    import os

    for age, name in enumerate(("new.png", "old.png")):
        (local.folders.output / name).touch()
        os.utime(local.folders.output / name, (1_000_000 - age, 1_000_000 - age))
    assert (await local.http.get("/internal/files/output")).json() == ["new.png", "old.png"]
    assert (await local.http.get("/internal/files/state")).status_code == 400


@pytest.mark.parametrize("name", ["txt2img", "img2img", "hires-fix"])
async def test_templates_fit_the_node_classes(local: Running, name: str) -> None:
    listed = (await local.http.get("/api/v1/templates")).json()
    (about,) = [each for each in listed if each["name"] == name]
    picture = await local.http.get(about["thumbnail"])
    assert picture.headers["content-type"] == "image/webp"
    assert len(picture.content) < 10_000
    with Image.open(io.BytesIO(picture.content)) as shown:
        assert shown.size == (320, 180)
    assert (await local.http.get("/api/v1/templates/none/picture")).status_code == 404
    document = (await local.http.get(f"/api/v1/templates/{name}")).json()
    info = (await local.http.get("/object_info")).json()
    nodes = {node["id"]: node for node in document["nodes"]}
    assert document["version"] == 0.4
    for link_id, source, source_slot, target, target_slot, slot_type in document["links"]:
        assert info[nodes[source]["type"]]["output"][source_slot] == slot_type
        assert link_id in nodes[source]["outputs"][source_slot]["links"]
        slot = nodes[target]["inputs"][target_slot]
        assert (slot["link"], slot["type"]) == (link_id, slot_type)
        assert info[nodes[target]["type"]]["input"]["required"][slot["name"]][0] == slot_type
    texts = [node["widgets_values"] for node in nodes.values() if node["type"] == "CLIPTextEncode"]
    assert ["a red circle on a blue background"] in texts
    for node in nodes.values():
        if node["type"] == "KSampler":
            assert node["widgets_values"][1:6] == ["randomize", 20, 4, "euler", "normal"]
        if node["type"] == "LoadImage":
            assert node["widgets_values"][0] in info["LoadImage"]["input"]["required"]["image"][0]


async def test_the_route_page_loads_nothing_from_elsewhere(local: Running) -> None:
    page = await local.http.get("/api/v1/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    for name in ("docs/docs.js", "docs/docs.css"):
        assert name in page.text
        answer = await local.http.get(f"/api/v1/{name}")
        assert answer.status_code == 200
        assert "://" not in answer.text
    assert "<script>" not in page.text
    assert "style=" not in page.text
    openapi = (await local.http.get("/api/v1/openapi.json")).json()
    assert "/api/v1/system" in openapi["paths"]


async def test_the_tab_has_its_picture(local: Running) -> None:
    answer = await local.http.get("/favicon.ico")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.headers["Cache-Control"].startswith("private")
