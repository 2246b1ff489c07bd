"""GET /healthz: whether the server answers; open to everybody, tells nothing else."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Always the same answer."""
    return {"status": "ok"}
