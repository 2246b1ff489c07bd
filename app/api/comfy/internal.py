"""/internal: logs, folders and file names for the editor; not mounted below /api."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.replies import empty, json_reply
from app.api.services import services_of
from app.files.errors import UnsafeName
from app.files.uploads import newest_first, root_of

router = APIRouter(prefix="/internal")


@router.get("/logs")
def logs(request: Request) -> Response:
    """The latest log lines as one text."""
    lines = services_of(request).logs.recent()
    return json_reply(request, "".join(f"{moment} - {text}\n" for moment, text in lines))


@router.get("/logs/raw")
def raw_logs(request: Request) -> Response:
    """The latest log lines with their times."""
    entries = [{"t": moment, "m": text} for moment, text in services_of(request).logs.recent()]
    return json_reply(request, {"entries": entries, "size": {"cols": 80, "rows": 24}})


@router.patch("/logs/subscribe")
async def subscribe(request: Request) -> Response:
    """From now on the client's socket gets `logs` messages, or no longer; 400 for another body."""
    match await read_json(request):
        case {"clientId": str(client_id), "enabled": bool(enabled)}:
            feed = services_of(request).log_feed
            (feed.subscribe if enabled else feed.unsubscribe)(client_id)
            return empty()
        case _:
            return json_reply(request, {"error": 'Send {"clientId": TEXT, "enabled": true or false}.'}, 400)


@router.get("/folder_paths")
def folder_paths(request: Request) -> Response:
    """The search folders of every model folder key."""
    return json_reply(request, services_of(request).folders.models.as_paths())


@router.get("/files/{folder}")
def files(request: Request, folder: str) -> Response:
    """Names of the files in the output, input or temp folder, newest first."""
    try:
        root = root_of(services_of(request).folders, folder)
    except UnsafeName:
        return json_reply(request, {"error": "Name one of output, input, temp."}, 400)
    return json_reply(request, newest_first(root))
