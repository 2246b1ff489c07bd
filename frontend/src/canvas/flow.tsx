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
  type EdgeChange,
  type NodeChange,
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
import { AimedWire } from '@/canvas/aimed-wire'
import { DraggedWireLine, Wire, type WireEdge } from '@/canvas/edge'
import type { CanvasView } from '@/canvas/canvas-view'
import { useCanvas, useCatalog, useEditor } from '@/canvas/editor'
import { useWiring } from '@/canvas/finish-wire'
import { useLod, zoomed } from '@/canvas/lod'
import { useNodeDrag } from '@/canvas/node-drag'
import { GraphNode } from '@/canvas/node/graph-node'
import type { FlowNode } from '@/canvas/projection'
import { useWire } from '@/canvas/wire'
import { TITLE_HEIGHT } from '@/definitions/layout'
import type { NodeId } from '@/graph/model'
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
  const wired = useWire((state) => state.wire !== null)
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

  const dragging = useNodeDrag(editor)
  const wiring = useWiring(editor)

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
      data-wire={wired ? '' : undefined}
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
        {...dragging}
        {...wiring}
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
