"""What route handlers may use; wiring makes one and the app carries it."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from app.actions.edit_queue import EditQueue
from app.actions.submit_prompt import SubmitPrompt
from app.api.auth import AccessPolicy
from app.engine.executor_task import ExecutorTask
from app.engine.node_catalog import NodeCatalog
from app.events.hub import EventHub
from app.events.log_feed import LogFeed
from app.events.recent_logs import RecentLogs
from app.files.folders import DataFolders
from app.queue.base import PromptQueue
from app.store.history import History


@dataclass(frozen=True, kw_only=True)
class About:
    """Facts about this server that routes tell."""

    version: str
    argv: tuple[str, ...] = ()
    max_upload_bytes: int = 100 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything behind the routes."""

    about: About
    access: AccessPolicy
    catalog: NodeCatalog
    edit_queue: EditQueue
    executor: ExecutorTask
    folders: DataFolders
    history: History
    hub: EventHub
    log_feed: LogFeed
    logs: RecentLogs
    queue: PromptQueue
    submit: SubmitPrompt


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that handles this request or socket."""
    services = connection.app.state.services
    assert isinstance(services, Services)  # noqa: S101  set by create_app
    return services
