"""Who listens to what: hands messages to the buffers of clients; fed by the queue and the executor task."""

from dataclasses import dataclass, field

from app.events.client_buffer import ClientBuffer
from app.events.messages import (
    ExecutorState,
    Message,
    NodeExecuting,
    NodeStates,
    NodeStep,
    NodeText,
    Preview,
    PromptInterrupted,
    PromptMessage,
    QueueChanged,
    ResultPicture,
)

_WITHOUT_OWNER = (NodeStates, NodeStep, NodeText, Preview, PromptInterrupted, ResultPicture)
"""What everybody sees of a prompt that was queued without a client id."""


@dataclass(eq=False, kw_only=True)
class Client:
    """One connected client. `client_id` is a name, not a right."""

    client_id: str
    buffer: ClientBuffer = field(default_factory=ClientBuffer)


@dataclass(kw_only=True)
class _Running:
    """What a client that connects in mid-run needs to know."""

    owner: str | None
    executing: NodeExecuting | None = None
    states: NodeStates | None = None
    preview: Preview | None = None


class EventHub:
    """Delivers each message to those whom it concerns; no client can delay another."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}
        self._replaced: set[Client] = set()
        self._running: _Running | None = None
        self._executor = ExecutorState(state="starting")
        self._remaining = 0

    @property
    def remaining(self) -> int:
        """Prompts that wait or run, as last published."""
        return self._remaining

    def connect(self, client_id: str) -> Client:
        """Register a client and put what it has missed of the running prompt into its buffer.

        A client that comes back under its old name takes its place; the old one still hears what all hear.
        """
        client = Client(client_id=client_id)
        former = self._clients.get(client_id)
        if former is not None:
            self._replaced.add(former)
        self._clients[client_id] = client
        client.buffer.put(self._executor)
        running = self._running
        if running is not None and running.owner == client_id:
            if running.executing is not None:
                now = running.executing
                client.buffer.put(NodeExecuting(node=now.node, display_node=now.display_node, prompt_id=None))
            for missed in (running.states, running.preview):
                if missed is not None:
                    client.buffer.put(missed)
        return client

    def disconnect(self, client: Client) -> None:
        """Forget a client; one that has taken over its name stays."""
        self._replaced.discard(client)
        if self._clients.get(client.client_id) is client:
            del self._clients[client.client_id]

    def is_connected(self, client_id: str) -> bool:
        """Whether a client of that name listens."""
        return client_id in self._clients

    def publish(self, message: Message) -> None:
        """Tell everybody."""
        match message:
            case QueueChanged(queue_remaining=remaining):
                self._remaining = remaining
            case ExecutorState():
                self._executor = message
            case _:
                pass
        for client in (*self._clients.values(), *self._replaced):
            client.buffer.put(message)

    def publish_to(self, client_id: str, message: Message) -> None:
        """Tell one client, if it is there."""
        client = self._clients.get(client_id)
        if client is not None:
            client.buffer.put(message)

    def begin_prompt(self, owner: str | None) -> None:
        """From now on `publish_prompt` is about a prompt of this client."""
        self._running = _Running(owner=owner)

    def publish_prompt(self, message: PromptMessage) -> None:
        """Tell the owner of the running prompt; without an owner, everybody hears about progress only."""
        running = self._running
        if running is None:
            return
        self._remember(running, message)
        if running.owner is not None:
            self.publish_to(running.owner, message)
        elif isinstance(message, _WITHOUT_OWNER):
            self.publish(message)

    def end_prompt(self) -> None:
        """The running prompt is over."""
        self._running = None

    def _remember(self, running: _Running, message: PromptMessage) -> None:
        match message:
            case NodeExecuting():
                running.executing = message if message.node is not None else None
                running.preview = None
            case NodeStates():
                running.states = message
            case Preview():
                running.preview = message
            case _:
                pass
