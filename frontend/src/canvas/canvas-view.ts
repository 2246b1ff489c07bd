/** The canvas's own state and reach: what React Flow shows, what is selected, where the viewport is. Never part of the document. */
import type { Edge, ReactFlowInstance, Viewport } from '@xyflow/react'
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { WireEdge } from '@/canvas/edge'
import { nearest, neighbour, type Direction } from '@/canvas/neighbour'
import { projectEdges, projectNodes, type FlowNode } from '@/canvas/projection'
import { layoutNode, TITLE_HEIGHT } from '@/definitions/layout'
import type { EditorDocument } from '@/document/editor-document'
import type { Unsubscribe } from '@/document/types'
import type { GraphViewport, NodeId, Size } from '@/graph/model'

export interface CanvasState {
  readonly nodes: FlowNode[]
  readonly edges: WireEdge[]
  /** The node whose title is being typed. */
  readonly renaming: NodeId | null
}

/** How long the graph has to stand still before it is painted anew. */
const REST_MS = 150

/** One per open document. Commands and panels act on the canvas through it. */
export class CanvasView {
  readonly store: StoreApi<CanvasState> = createStore<CanvasState>()(() => ({ nodes: [], edges: [], renaming: null }))
  #flow: ReactFlowInstance<FlowNode, WireEdge> | null = null
  #element: HTMLElement | null = null
  #document: EditorDocument | null = null
  #left = 0
  #rest: ReturnType<typeof setTimeout> | undefined
  /** What has to be shown once React Flow stands; `undefined`: nothing. */
  #wanted: GraphViewport | null | undefined
  /** Where the pointer was last seen over the canvas, in screen pixels. */
  #pointer: { x: number; y: number } | null = null

  get pointer(): { x: number; y: number } | null {
    return this.#pointer
  }

  pointerAt(place: { x: number; y: number } | null): void {
    this.#pointer = place
  }

  /** React Flow stands (again); `null`: another tab is shown. */
  attach(flow: ReactFlowInstance<FlowNode, WireEdge> | null): void {
    this.#flow = flow
    if (flow && this.#wanted !== undefined) this.showSoon(this.#wanted)
  }

  attachElement(element: HTMLElement | null): void {
    this.#element = element
    this.#left = element?.getBoundingClientRect().left ?? 0
  }

  /**
   * While the graph is panned or zoomed it is one layer that is moved, not painted again for every frame; at rest it is
   * painted sharp. Straight to the element: no component has to render for it.
   */
  moving(now: boolean): void {
    clearTimeout(this.#rest)
    if (now) this.#element?.setAttribute('data-moving', '')
    else this.#rest = setTimeout(() => this.#element?.removeAttribute('data-moving'), REST_MS)
  }

  /** The canvas began elsewhere on the screen (a panel opened): the graph stays where it was seen. */
  stay(): void {
    const left = this.#element?.getBoundingClientRect().left ?? this.#left
    const moved = left - this.#left
    this.#left = left
    const seen = this.#flow?.getViewport()
    if (seen && moved !== 0) void this.#flow?.setViewport({ ...seen, x: seen.x - moved })
  }

  /** Shows a document and keeps up with it until the returned function is called. */
  follow(document: EditorDocument): Unsubscribe {
    this.#document = document
    const project = () => this.#project()
    project()
    const stops = [document.subscribeContent(project), document.subscribeDefinitions(project)]
    return () => stops.forEach((stop) => stop())
  }

  /** What part of the graph was seen last, in React Flow's own terms; null: nobody has looked yet. */
  seen(document: EditorDocument): Viewport | null {
    const viewport = document.getViewport()
    return viewport && { x: viewport.x * viewport.zoom, y: viewport.y * viewport.zoom, zoom: viewport.zoom }
  }

  #project(): void {
    const document = this.#document
    if (!document) return
    const { nodeIds, links } = document.getTopology()
    const before = this.store.getState()
    const source = {
      nodeIds,
      links,
      view: document.getNode,
      definition: document.definitionOf,
      layout: (id: NodeId) => {
        const view = document.getNode(id)
        const definition = document.definitionOf(id)
        return view && definition && layoutNode(definition, view)
      },
    }
    const nodes = projectNodes(source, before.nodes)
    const edges = projectEdges(links, before.edges)
    const changes: Partial<CanvasState> = {}
    if (!sameItems(nodes, before.nodes)) Object.assign(changes, { nodes })
    if (!sameItems(edges, before.edges)) Object.assign(changes, { edges })
    if (Object.keys(changes).length > 0) this.store.setState(changes)
  }

  /** Shows a node at another size (title bar left out) while its corner is dragged; `null` ends that. */
  previewSize(id: NodeId, size: Size | null): void {
    this.store.setState(({ nodes }) => ({
      nodes: nodes.map((node) => {
        if (node.id !== id) return node
        const { view, definition } = node.data
        const layout = layoutNode(definition, { ...view, size: size ?? view.size })
        const { width, height } = layout
        return { ...node, width, height, measured: { width, height }, data: { ...node.data, layout } }
      }),
    }))
    if (size === null) this.#project()
  }

  /** Moves nodes back to where the document has them. */
  putBack(ids: Iterable<NodeId>): void {
    const wanted = new Set(ids)
    this.store.setState(({ nodes }) => ({
      nodes: nodes.map((node) => {
        if (!wanted.has(node.id)) return node
        const [x, y] = node.data.view.pos
        return { ...node, position: { x, y: y - TITLE_HEIGHT } }
      }),
    }))
  }

  selectedNodes(): NodeId[] {
    return this.store.getState().nodes.flatMap((node) => (node.selected ? [node.id] : []))
  }

  selectedLinks(): number[] {
    return this.store.getState().edges.flatMap((edge: Edge) => (edge.selected ? [Number(edge.id)] : []))
  }

  /** Selects exactly these nodes. */
  select(ids: Iterable<NodeId>): void {
    const wanted = new Set(ids)
    this.store.setState(({ nodes, edges }) => ({
      nodes: nodes.map((node) =>
        (node.selected ?? false) === wanted.has(node.id) ? node : { ...node, selected: wanted.has(node.id) },
      ),
      edges: edges.map((edge) => (edge.selected ? { ...edge, selected: false } : edge)),
    }))
  }

  selectAll(): void {
    this.select(this.store.getState().nodes.map((node) => node.id))
  }

  rename(id: NodeId | null): void {
    this.store.setState({ renaming: id })
  }

  /** Gives the keyboard to the canvas. */
  focus(): void {
    this.#element?.focus({ preventScroll: true })
  }

  /** Shows the whole graph, or the given nodes. */
  fit(ids?: readonly NodeId[]): void {
    const nodes = ids?.map((id) => ({ id }))
    void this.#flow?.fitView({ padding: 0.12, maxZoom: 1, minZoom: 0.05, ...(nodes?.length ? { nodes } : {}) })
  }

  zoomBy(factor: number): void {
    void this.#flow?.zoomTo(this.#flow.getZoom() * factor)
  }

  zoomTo(zoom: number): void {
    void this.#flow?.zoomTo(zoom)
  }

  /** Shows the graph where the document says it was seen last, else all of it. */
  showViewport(viewport: GraphViewport | null): void {
    if (!viewport) return this.fit()
    const { x, y, zoom } = viewport
    void this.#flow?.setViewport({ x: x * zoom, y: y * zoom, zoom })
  }

  /** The same after the nodes are on the canvas, which may be shown later. */
  showSoon(viewport: GraphViewport | null): void {
    this.#wanted = viewport
    requestAnimationFrame(() => {
      if (!this.#flow || this.#wanted === undefined) return
      this.showViewport(this.#wanted)
      this.#wanted = undefined
    })
  }

  /** The middle of the canvas on the screen. */
  middle(): { x: number; y: number } {
    const box = this.#element?.getBoundingClientRect()
    return box ? { x: box.left + box.width / 2, y: box.top + box.height / 2 } : { x: 400, y: 300 }
  }

  /** Writes into the document what part of the graph is seen. */
  rememberViewport(): void {
    const seen = this.#flow?.getViewport()
    if (!seen || !this.#document) return
    this.#document.setViewport({ x: seen.x / seen.zoom, y: seen.y / seen.zoom, zoom: seen.zoom })
  }

  /** Moves the view just so far that the given nodes are seen. */
  reveal(ids: readonly NodeId[]): void {
    const seen = this.#element?.getBoundingClientRect()
    const nodes = this.store.getState().nodes.filter((node) => ids.includes(node.id))
    const view = this.#flow?.getViewport()
    if (!seen || !view || nodes.length === 0) return
    const box = this.#flow?.getNodesBounds(nodes)
    if (!box) return
    const start = { x: box.x * view.zoom + view.x, y: box.y * view.zoom + view.y }
    const x = view.x + into(start.x, box.width * view.zoom, seen.width)
    const y = view.y + into(start.y, box.height * view.zoom, seen.height)
    if (x !== view.x || y !== view.y) void this.#flow?.setViewport({ x, y, zoom: view.zoom })
  }

  /** Selects the next node in a direction, from the selected one or from the middle of the canvas; null: there is none. */
  selectNext(direction: Direction): FlowNode | null {
    const { nodes } = this.store.getState()
    const from = nodes.find((node) => node.selected)
    const middle = this.middle()
    const next = from ? neighbour(nodes, from, direction) : nearest(nodes, this.toGraph(middle.x, middle.y))
    if (!next) return null
    this.select([next.id])
    this.reveal([next.id])
    return next
  }

  /** The place on the screen of a place in the graph. */
  toScreen(place: { x: number; y: number }): { x: number; y: number } {
    return this.#flow?.flowToScreenPosition(place) ?? place
  }

  /** Graph coordinates of a place on the screen. */
  toGraph(x: number, y: number): { x: number; y: number } {
    return this.#flow?.screenToFlowPosition({ x, y }) ?? { x, y }
  }

  /** The pointer's place on the screen, or the middle of the canvas when the pointer is elsewhere. */
  aim(): { x: number; y: number } {
    return this.#pointer ?? this.middle()
  }
}

const MARGIN = 24

/** How far a stretch has to move to lie inside `room`; one that is too long shows its start. */
function into(start: number, length: number, room: number): number {
  if (start < MARGIN || length > room - 2 * MARGIN) return Math.max(0, MARGIN - start) || Math.min(0, MARGIN - start)
  return Math.min(0, room - MARGIN - start - length)
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}
