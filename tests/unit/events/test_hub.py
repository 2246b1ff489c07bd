"""The hub: who hears what, and what a client that comes in mid-run is told."""

from app.events.hub import Client, EventHub
from app.events.messages import (
    ExecutorState,
    Message,
    NodeExecuting,
    NodeStates,
    NodeStep,
    NodeText,
    Preview,
    PromptInterrupted,
    PromptStarted,
    QueueChanged,
    ResultPicture,
)

STARTED = PromptStarted(prompt_id="p", timestamp=1)
EXECUTING = NodeExecuting(node="1", display_node="9", prompt_id="p")
STATES = NodeStates(prompt_id="p", nodes={})
STEP = NodeStep(value=1, max=2, prompt_id="p", node="1")
TEXT = NodeText(prompt_id="p", node="1", text="3 by 4")
PICTURE = ResultPicture(prompt_id="p", node_id="1", display_node_id="1", image_type="image/png", image=b"y")
PREVIEW = Preview(prompt_id="p", node_id="1", display_node_id="9", image_type="image/png", image=b"x")
INTERRUPTED = PromptInterrupted(prompt_id="p", node_id="1", node_type="A", executed=[], timestamp=1)


async def heard(client: Client) -> list[Message]:
    """What waits for the client, without the executor's state that everybody gets first."""
    messages = [await client.buffer.get() for _ in range(len(client.buffer))]
    return [each for each in messages if not isinstance(each, ExecutorState)]


async def test_owner_alone_hears_of_its_prompt() -> None:
    hub = EventHub()
    owner, other = hub.connect("owner"), hub.connect("other")
    hub.begin_prompt("owner")
    for message in (STARTED, STATES, EXECUTING, STEP, PREVIEW, INTERRUPTED):
        hub.publish_prompt(message)
    assert await heard(owner) == [STARTED, STATES, EXECUTING, STEP, PREVIEW, INTERRUPTED]
    assert await heard(other) == []


async def test_prompt_without_owner_shows_progress_previews_and_interrupts_to_everyone() -> None:
    hub = EventHub()
    clients = [hub.connect("a"), hub.connect("b")]
    hub.begin_prompt(None)
    for message in (STARTED, STATES, EXECUTING, STEP, PREVIEW, TEXT, PICTURE, INTERRUPTED):
        hub.publish_prompt(message)
    for client in clients:
        assert await heard(client) == [STATES, STEP, PREVIEW, TEXT, PICTURE, INTERRUPTED]


async def test_everyone_hears_of_the_queue() -> None:
    hub = EventHub()
    clients = [hub.connect("a"), hub.connect("b")]
    hub.publish(QueueChanged(queue_remaining=3))
    for client in clients:
        assert await heard(client) == [QueueChanged(queue_remaining=3)]


async def test_owner_that_returns_in_mid_run_learns_where_the_run_is() -> None:
    hub = EventHub()
    hub.begin_prompt("owner")
    for message in (STARTED, STATES, EXECUTING, STEP, PREVIEW):
        hub.publish_prompt(message)
    told = await heard(hub.connect("owner"))
    assert told == [NodeExecuting(node="1", display_node="9", prompt_id=None), STATES, PREVIEW]
    assert await heard(hub.connect("stranger")) == []


async def test_preview_of_an_earlier_node_is_not_shown_to_a_returning_owner() -> None:
    hub = EventHub()
    hub.begin_prompt("owner")
    for message in (EXECUTING, PREVIEW, NodeExecuting(node="2", display_node="2", prompt_id="p")):
        hub.publish_prompt(message)
    assert await heard(hub.connect("owner")) == [NodeExecuting(node="2", display_node="2", prompt_id=None)]


async def test_nothing_is_left_to_tell_after_the_end() -> None:
    hub = EventHub()
    hub.begin_prompt("owner")
    hub.publish_prompt(EXECUTING)
    hub.end_prompt()
    assert await heard(hub.connect("owner")) == []
    hub.publish_prompt(STEP)


async def test_late_goodbye_of_a_replaced_socket_leaves_the_new_one_registered() -> None:
    hub = EventHub()
    old = hub.connect("me")
    new = hub.connect("me")
    hub.disconnect(old)
    hub.begin_prompt("me")
    hub.publish_prompt(STARTED)
    assert await heard(new) == [STARTED]
    assert await heard(old) == []


async def test_replaced_socket_still_hears_what_all_hear() -> None:
    hub = EventHub()
    old = hub.connect("me")
    hub.connect("me")
    hub.publish(QueueChanged(queue_remaining=1))
    assert await heard(old) == [QueueChanged(queue_remaining=1)]


async def test_new_client_learns_the_executor_s_state() -> None:
    hub = EventHub()
    hub.publish(ExecutorState(state="dead", detail="why"))
    assert await hub.connect("a").buffer.get() == ExecutorState(state="dead", detail="why")
