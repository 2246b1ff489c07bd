/** The graph on screen: React Flow around our nodes and wires, and every gesture of pointer and wheel. */
import {
  applyEdgeChanges,
  applyNodeChanges,
  Background,
  BackgroundVariant,
  ConnectionLineType,
  ConnectionMode,
  ReactFlow,
  SelectionMode,
  type Connection,
  type EdgeChange,
  type NodeChange,
  type OnConnectEnd,
  type OnNodeDrag,
  type ReactFlowInstance,
} from '@xyflow/react'
import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type ReactNode,
} from 'react'
import { toast } from 'sonner'
import { AimedWire } from '@/canvas/aimed-wire'
import { DraggedWireLine, Wire, type WireEdge } from '@/canvas/edge'
import type { CanvasView } from '@/canvas/canvas-view'
import { useCanvas, useCatalog, useEditor } from '@/canvas/editor'
import { useLod, zoomed } from '@/canvas/lod'
import { GraphNode } from '@/canvas/node/graph-node'
import type { FlowNode } from '@/canvas/projection'
import { useWire } from '@/canvas/wire'
import { parseHandle } from '@/definitions/handles'
import { TITLE_HEIGHT } from '@/definitions/layout'
import type { ConnectionRequest } from '@/document/types'
import type { GraphLink, NodeId, Point } from '@/graph/model'
import { t } from '@/i18n'
import { page } from '@/ui/page'
import { useTheme } from '@/ui/theme'

const NODE_TYPES = { graph: GraphNode }
const EDGE_TYPES = { wire: Wire }
const PAN_BUTTONS = [1]
const MULTI_KEYS = ['Control', 'Meta', 'Shift']
const DELETE_NONE = null
const SNAP_DISTANCE = 24

export interface FlowProps {
  /** Right click: on a node, or on empty canvas. */
  readonly onMenu: (event: MouseEvent, node: NodeId | null) => void
  /** Parts inside React Flow, such as the minimap. */
  readonly children?: ReactNode
}

export function Flow({ onMenu, children }: FlowProps) {
  const editor = useEditor()
  const { canvas, document } = editor
  const nodes = useCanvas((state) => state.nodes)
  const edges = useCanvas((state) => state.edges)
  const theme = useTheme((state) => state.shown)
  const lod = useLod((state) => state.lod)
  const wiring = useWire((state) => state.wire !== null)
  const copying = useRef(false)
  const element = useRef<HTMLDivElement>(null)
  const flow = useRef<ReactFlowInstance<FlowNode, WireEdge>>(null)

  const ready = useCatalog() !== null
  // Without the server's classes every node would look unknown for a moment.
  useEffect(() => (ready ? canvas.follow(document) : undefined), [canvas, document, ready])
  useLayoutEffect(() => {
    canvas.attachElement(element.current)
    if (flow.current) canvas.attach(flow.current)
    return () => {
      canvas.attachElement(null)
      canvas.attach(null)
    }
  }, [canvas])
  const [seen] = useState(() => canvas.seen(document))
  // Shown again: the keys are the graph's, unless something else took them.
  useEffect(() => {
    if (globalThis.document.activeElement === globalThis.document.body) canvas.focus()
  }, [canvas])

  const onNodesChange = useCallback(
    (changes: NodeChange<FlowNode>[]) =>
      canvas.store.setState((state) => ({ nodes: applyNodeChanges(changes, state.nodes) })),
    [canvas],
  )
  const onEdgesChange = useCallback(
    (changes: EdgeChange<WireEdge>[]) =>
      canvas.store.setState((state) => ({ edges: applyEdgeChanges(changes, state.edges) })),
    [canvas],
  )

  const onInit = useCallback(
    (started: ReactFlowInstance<FlowNode, WireEdge>) => {
      flow.current = started
      canvas.attach(started)
      zoomed(started.getZoom())
    },
    [canvas],
  )

  const onNodeDragStart = useCallback<OnNodeDrag<FlowNode>>((event) => {
    copying.current = event.altKey
  }, [])

  const dropped = useCallback(
    (dragged: readonly FlowNode[]) => {
      const moves = dragged.map((node) => [node.id, bodyOf(node)] as const)
      if (copying.current) copyInstead(editor, moves)
      else document.moveNodes(moves)
      copying.current = false
    },
    [document, editor],
  )

  const isValidConnection = useCallback(
    (connection: Connection | WireEdge) => {
      const request = requestOf(connection)
      const moved = useWire.getState().wire?.moved
      if (request && moved && sameEnds(request, moved)) return true
      return request !== null && document.checkConnection(request).ok
    },
    [document],
  )

  const onConnectEnd = useCallback<OnConnectEnd>(
    (event, connection) => {
      const { wire } = useWire.getState()
      if (!wire) return
      const at = 'changedTouches' in event ? event.changedTouches[0] : event
      if (!at) return
      const target = globalThis.document.elementFromPoint(at.clientX, at.clientY)
      const handle = connection.toHandle
      const end = handle?.id ? { node: handle.nodeId, handle: handle.id } : null
      finishWire(editor, wire, end, target, { x: at.clientX, y: at.clientY })
    },
    [editor],
  )

  const onDoubleClick = useCallback((event: MouseEvent) => {
    if (!(event.target as HTMLElement).classList.contains('react-flow__pane')) return
    page.openSearch({ x: event.clientX, y: event.clientY, from: null })
  }, [])

  const onPointerMove = useCallback(
    (event: PointerEvent) => {
      canvas.pointerAt({ x: event.clientX, y: event.clientY })
    },
    [canvas],
  )

  return (
    <div
      ref={element}
      className="flow"
      style={FILL}
      tabIndex={-1}
      data-testid="canvas"
      data-lod={lod}
      data-wire={wiring ? '' : undefined}
      onDoubleClick={onDoubleClick}
      onPointerMove={onPointerMove}
      onPointerLeave={() => canvas.pointerAt(null)}
      onKeyDown={(event) => selectFocused(event, canvas)}
    >
      <ReactFlow<FlowNode, WireEdge>
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        {...(seen ? { defaultViewport: seen } : {})}
        onInit={onInit}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onNodeDragStart={onNodeDragStart}
        onNodeDragStop={(_event, _node, dragged) => dropped(dragged)}
        onSelectionDragStop={(_event, dragged) => dropped(dragged)}
        isValidConnection={isValidConnection}
        onConnectEnd={onConnectEnd}
        connectionLineComponent={DraggedWireLine}
        connectionLineType={ConnectionLineType.Bezier}
        connectionMode={ConnectionMode.Strict}
        connectionRadius={SNAP_DISTANCE}
        connectOnClick={false}
        onMove={(_event, viewport) => zoomed(viewport.zoom)}
        onMoveStart={() => canvas.moving(true)}
        onMoveEnd={() => {
          canvas.moving(false)
          canvas.rememberViewport()
        }}
        onPaneClick={() => canvas.focus()}
        onPaneContextMenu={(event) => onMenu(event as MouseEvent, null)}
        onNodeContextMenu={(event, node) => onMenu(event, node.id)}
        onSelectionContextMenu={(event, selected) => onMenu(event, selected[0]?.id ?? null)}
        edgesFocusable={false}
        onlyRenderVisibleElements
        minZoom={0.05}
        maxZoom={4}
        panOnDrag={PAN_BUTTONS}
        panActivationKeyCode="Space"
        selectionOnDrag
        selectionMode={SelectionMode.Partial}
        selectionKeyCode={null}
        multiSelectionKeyCode={MULTI_KEYS}
        deleteKeyCode={DELETE_NONE}
        zoomOnDoubleClick={false}
        disableKeyboardA11y
        elevateEdgesOnSelect={false}
        nodeDragThreshold={2}
        noPanClassName="nopan"
        noWheelClassName="nowheel"
        colorMode={theme}
        attributionPosition="bottom-left"
      >
        {lod === 0 ? (
          <Background variant={BackgroundVariant.Dots} gap={24} size={1.5} color="var(--canvas-dot)" />
        ) : null}
        <AimedWire />
        {children}
      </ReactFlow>
    </div>
  )
}

/** Enter on a node that the Tab key has reached selects it. */
function selectFocused(event: KeyboardEvent, canvas: CanvasView): void {
  const { target, key } = event
  if (key !== 'Enter' || !(target instanceof HTMLElement) || !target.classList.contains('react-flow__node')) return
  if (event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  canvas.select([target.dataset.id ?? ''])
}

const FILL = { width: '100%', height: '100%', outline: 'none', '--title-height': `${TITLE_HEIGHT}px` } as CSSProperties

function bodyOf(node: FlowNode): Point {
  return [Math.round(node.position.x), Math.round(node.position.y + TITLE_HEIGHT)]
}

/** Alt-drag: the nodes stay where they were, copies of them are where the pointer let go. */
function copyInstead(editor: ReturnType<typeof useEditor>, moves: readonly (readonly [NodeId, Point])[]): void {
  const { canvas, document } = editor
  const [first] = moves
  const from = first && document.getNode(first[0])?.pos
  if (!first || !from) return
  const offset: Point = [first[1][0] - from[0], first[1][1] - from[1]]
  const copies = document.duplicate(
    moves.map(([id]) => id),
    offset,
  )
  canvas.putBack(moves.map(([id]) => id))
  canvas.select(copies)
}

type Ends = Pick<Connection, 'source' | 'sourceHandle' | 'target' | 'targetHandle'>

function requestOf(ends: Ends | { [K in keyof Ends]?: string | null }): ConnectionRequest | null {
  const source = parseHandle(ends.source ?? '', ends.sourceHandle ?? '')
  const target = parseHandle(ends.target ?? '', ends.targetHandle ?? '')
  if (source?.side !== 'output' || target?.side !== 'input') return null
  return { source: source.node, sourceSlot: source.slot, target: target.node, targetInput: target.input }
}

function sameEnds(request: ConnectionRequest, link: GraphLink): boolean {
  return (
    request.source === link.source &&
    request.sourceSlot === link.sourceSlot &&
    request.target === link.target &&
    request.targetInput === link.targetInput
  )
}

type Wiring = NonNullable<ReturnType<typeof useWire.getState>['wire']>
type End = { readonly node: NodeId; readonly handle: string }

/** What happens where a wire is let go: connect, pick a slot of the node under it, detach, search, or refuse with a reason. */
function finishWire(
  editor: ReturnType<typeof useEditor>,
  wire: Wiring,
  end: End | null,
  under: Element | null,
  at: { x: number; y: number },
): void {
  const { document } = editor
  const node = under?.closest<HTMLElement>('.react-flow__node')?.dataset.id
  const to = end ?? (node && node !== wire.node ? bestHandle(editor, wire, node) : null)
  if (to) return join(editor, wire, to)
  if (node) {
    if (node !== wire.node) toast(t('connect.noSlot', { type: wire.type }))
    return
  }
  if (wire.moved) return document.removeLinks([wire.moved.id])
  if (!under?.closest('.react-flow')) return
  page.openSearch({ ...at, from: { node: wire.node, handle: wire.handle, type: wire.type } })
}

/** The first handle of a node that the wire may enter; free ones before connected ones. */
function bestHandle(editor: ReturnType<typeof useEditor>, wire: Wiring, node: NodeId): End | null {
  const { document, canvas } = editor
  const shown = canvas.store.getState().nodes.find((entry) => entry.id === node)
  const from = parseHandle(wire.node, wire.handle)
  if (!shown || !from) return null
  const check = document.connectionChecker(from)
  const fitting = shown.data.layout.handles.filter((handle) => {
    const to = parseHandle(node, handle.id)
    return to !== null && check(to).ok
  })
  const chosen = fitting.find((handle) => !shown.data.linked.has(handle.id) && !handle.onWidget) ?? fitting[0]
  return chosen ? { node, handle: chosen.id } : null
}

function join(editor: ReturnType<typeof useEditor>, wire: Wiring, to: End): void {
  const { document } = editor
  const ends =
    wire.side === 'output'
      ? { source: wire.node, sourceHandle: wire.handle, target: to.node, targetHandle: to.handle }
      : { source: to.node, sourceHandle: to.handle, target: wire.node, targetHandle: wire.handle }
  const request = requestOf(ends)
  if (!request) {
    toast(t('connect.sameSide'))
    return
  }
  const { moved } = wire
  if (moved && sameEnds(request, moved)) return
  const verdict = document.transact(t('step.connect'), () => {
    if (!moved) return document.connect(request)
    const checked = document.checkConnection(request)
    if (checked.ok) {
      document.removeLinks([moved.id])
      document.connect(request)
    }
    return checked
  })
  if (!verdict.ok) toast(verdict.reason)
}
