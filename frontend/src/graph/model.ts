/** The editor's own graph as plain data: what importers make, the document holds, and exporters and the compiler read. */

/** A JSON value in which an integer beyond 2^53 is a `bigint`, so that 64-bit seeds keep every digit. */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject
/** A JSON object; see {@link Json}. */
export interface JsonObject {
  [key: string]: Json
}

/** A node's id: the file's id as a string; also what the server reports in its events. */
export type NodeId = string
/** `[x, y]` in graph pixels. A node's position is the top-left corner of its body; the title bar lies above it. */
export type Point = readonly [number, number]
/** `[width, height]` in graph pixels; a node's size leaves the title bar out. */
export type Size = readonly [number, number]

/** How a node takes part in a run; the numbers are those of the workflow format (1 and 3 run like 0). */
export const NodeMode = { always: 0, onEvent: 1, mute: 2, onTrigger: 3, bypass: 4 } as const
/** One of {@link NodeMode}. */
export type NodeMode = (typeof NodeMode)[keyof typeof NodeMode]

/** A slot as it was saved; for classes the server does not know it is all we have. Other keys of the file are in `rest`. */
export interface SavedSlot {
  readonly name: string
  readonly type: string
  readonly label?: string
  /** Set when the slot belongs to a widget of that name. */
  readonly widget?: string
  readonly rest?: JsonObject
}

/** Everything of a node but its widget values. */
export interface NodeView {
  readonly id: NodeId
  /** The server's class, a front-end class (`Reroute`, `PrimitiveNode`, `Note`, `MarkdownNote`) or a subgraph's uuid. */
  readonly classType: string
  /** Own title; `null` shows the class's name. */
  readonly title: string | null
  readonly pos: Point
  /** `null`: the size computed from the definition. */
  readonly size: Size | null
  readonly mode: NodeMode
  readonly collapsed: boolean
  readonly pinned: boolean
  readonly color: string | null
  readonly bgcolor: string | null
  /** Place in the file's order, and in drawing order. */
  readonly index: number
  readonly inputs: readonly SavedSlot[]
  readonly outputs: readonly SavedSlot[]
  /** Keys of the file that the editor does not interpret; written back unchanged. */
  readonly rest: JsonObject
}

/** A node with its widget values by widget name (see `WidgetDef.name`). */
export interface GraphNode extends NodeView {
  readonly widgets: Readonly<Record<string, Json>>
}

/** A connection. Sources are output indices, targets are input names. An input has at most one link. */
export interface GraphLink {
  /** Integer id of the file format; unique in the graph. */
  readonly id: number
  readonly source: NodeId
  readonly sourceSlot: number
  readonly target: NodeId
  readonly targetInput: string
  readonly type: string
}

/** A coloured frame. Membership is geometric: a node belongs to it when the centre of its box lies inside. */
export interface GraphGroup {
  readonly id: string
  readonly title: string
  /** `[x, y, width, height]`. */
  readonly bounding: readonly [number, number, number, number]
  readonly color: string | null
  readonly rest: JsonObject
}

/** Screen = (graph + offset) * zoom. */
export interface GraphViewport {
  readonly x: number
  readonly y: number
  readonly zoom: number
}

/** A whole workflow as plain data. */
export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly links: readonly GraphLink[]
  readonly groups: readonly GraphGroup[]
  readonly viewport: GraphViewport | null
  readonly lastNodeId: number
  readonly lastLinkId: number
  /** Top-level keys that the editor does not interpret (`id`, `config`, `extra`, `definitions`, ...). */
  readonly rest: JsonObject
}

/** A graph without anything in it. */
export const EMPTY_GRAPH: Graph = {
  nodes: [],
  links: [],
  groups: [],
  viewport: null,
  lastNodeId: 0,
  lastLinkId: 0,
  rest: {},
}

/** Makes a node with everything at rest but what is given. */
export function makeNode(given: Partial<GraphNode> & Pick<GraphNode, 'id' | 'classType'>): GraphNode {
  return {
    title: null,
    pos: [0, 0],
    size: null,
    mode: NodeMode.always,
    collapsed: false,
    pinned: false,
    color: null,
    bgcolor: null,
    index: 0,
    inputs: [],
    outputs: [],
    rest: {},
    widgets: {},
    ...given,
  }
}
