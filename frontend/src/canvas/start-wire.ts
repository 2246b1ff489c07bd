/** Begins the drag of a wire: from a free slot a new one, from a connected input the one that is there. */
import type { useStoreApi } from '@xyflow/react'
import { XYHandle } from '@xyflow/system'
import type { PointerEvent } from 'react'
import type { Editor } from '@/canvas/editor'
import { useWire } from '@/canvas/wire'
import { outputHandle } from '@/definitions/handles'
import type { HandleLayout } from '@/definitions/types'

type FlowStore = ReturnType<typeof useStoreApi>

/** Pointer went down on the pin of `handle`. */
export function startWire(
  event: PointerEvent<HTMLElement>,
  flow: FlowStore,
  editor: Editor,
  node: string,
  handle: HandleLayout,
): void {
  if (event.button !== 0) return
  event.stopPropagation()
  const moved = handle.side === 'input' ? (editor.document.linkInto(node, handle.name) ?? null) : null
  const from = moved
    ? { node: moved.source, handle: outputHandle(moved.sourceSlot), side: 'output' as const, type: moved.type }
    : { node, handle: handle.id, side: handle.side, type: handle.type }
  const state = flow.getState()
  if (!state.domNode) return
  XYHandle.onPointerDown(event.nativeEvent, {
    handleDomNode: event.currentTarget,
    autoPanOnConnect: state.autoPanOnConnect,
    connectionMode: state.connectionMode,
    connectionRadius: state.connectionRadius,
    domNode: state.domNode,
    nodeLookup: state.nodeLookup,
    lib: state.lib,
    isTarget: from.side === 'input',
    handleId: from.handle,
    nodeId: from.node,
    // Tells React Flow which end stays, when the pointer grabbed the other one.
    ...(moved ? { edgeUpdaterType: 'source' as const } : {}),
    flowId: state.rfId,
    panBy: state.panBy,
    cancelConnection: state.cancelConnection,
    onConnectStart: (startEvent, params) => {
      useWire.setState({ wire: { ...from, moved } })
      state.onConnectStart?.(startEvent, params)
    },
    onConnectEnd: (endEvent, connection) => {
      flow.getState().onConnectEnd?.(endEvent, connection)
      useWire.setState({ wire: null })
    },
    updateConnection: state.updateConnection,
    isValidConnection: (connection) => flow.getState().isValidConnection?.(connection) ?? true,
    getTransform: () => flow.getState().transform,
    getFromHandle: () => flow.getState().connection.fromHandle,
    autoPanSpeed: state.autoPanSpeed ?? 15,
    dragThreshold: state.connectionDragThreshold,
  })
}
