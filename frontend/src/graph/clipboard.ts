/** Cuts a part out of a graph and gives it new ids when it is put back; the text form travels over the system clipboard. */
import type { Clip } from './verdicts'
import { parseLossless, stringifyLossless } from '../formats/lossless-json'
import type { Graph, GraphGroup, GraphLink, GraphNode, Json, NodeId, Point } from './model'

/** Where a clip goes. */
export interface PasteOptions {
  /** Top-left corner of the clip's box; wins over `offset`. */
  readonly at?: Point
  /** How far from where it was copied. Default: 30 to the right and down. */
  readonly offset?: Point
  /** Also connect inputs that were fed from outside the clip, where the feeding node still exists. */
  readonly outsideLinks?: boolean
}

/** The chosen nodes, the links into them, and the groups that lie around chosen nodes only. */
export function cutClip(graph: Graph, ids: ReadonlySet<NodeId>): Clip {
  return {
    nodes: graph.nodes.filter((node) => ids.has(node.id)),
    links: graph.links.filter((link) => ids.has(link.target)),
    groups: [],
  }
}

/** Moves a clip to where the options say. */
export function centreClip(clip: Clip, { at, offset = [30, 30] }: PasteOptions): Clip {
  const corner = at && clipCorner(clip)
  const [dx, dy] = at && corner ? [at[0] - corner[0], at[1] - corner[1]] : offset
  return {
    nodes: clip.nodes.map((node) => ({ ...node, pos: [node.pos[0] + dx, node.pos[1] + dy] as const })),
    links: clip.links,
    groups: clip.groups.map((group) => moveGroup(group, dx, dy)),
  }
}

function moveGroup(group: GraphGroup, dx: number, dy: number): GraphGroup {
  const [x, y, width, height] = group.bounding
  return { ...group, bounding: [x + dx, y + dy, width, height] }
}

function clipCorner(clip: Clip): Point | null {
  const places: Point[] = [
    ...clip.nodes.map((node) => node.pos),
    ...clip.groups.map(({ bounding }): Point => [bounding[0], bounding[1]]),
  ]
  if (places.length === 0) return null
  return [Math.min(...places.map((place) => place[0])), Math.min(...places.map((place) => place[1]))]
}

/** Gives new ids to everything in a clip; links from outside are kept on request, if their source exists. */
export function pasteClip(
  clip: Clip,
  ids: { nodeId: () => NodeId; linkId: () => number; hasNode: (id: NodeId) => boolean; outsideLinks: boolean },
): Clip {
  const renamed = new Map<NodeId, NodeId>()
  const nodes: GraphNode[] = clip.nodes.map((node) => {
    const id = ids.nodeId()
    renamed.set(node.id, id)
    return { ...node, id }
  })
  const links: GraphLink[] = []
  for (const link of clip.links) {
    const target = renamed.get(link.target)
    const inside = renamed.get(link.source)
    const outside = ids.outsideLinks && ids.hasNode(link.source) ? link.source : undefined
    const source = inside ?? outside
    if (target !== undefined && source !== undefined) links.push({ ...link, id: ids.linkId(), source, target })
  }
  return { nodes, links, groups: clip.groups }
}

const MARK = 'comfy-creator/clip'

/** The clip as text for the system clipboard. */
export function clipToText(clip: Clip): string {
  return stringifyLossless({ [MARK]: 1, ...clip } as unknown as Json)
}

/** The clip in a text from the system clipboard; null when the text is something else. */
export function clipFromText(text: string): Clip | null {
  if (!text.includes(MARK)) return null
  try {
    const value = parseLossless(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value[MARK] !== 1) return null
    const { nodes, links, groups } = value as unknown as Clip
    if (![nodes, links, groups].every(Array.isArray)) return null
    return isClip({ nodes, links, groups }) ? { nodes, links, groups } : null
  } catch {
    return null
  }
}

function isClip(clip: Clip): boolean {
  return (
    clip.nodes.every(
      (node) =>
        typeof node.id === 'string' &&
        typeof node.classType === 'string' &&
        isPoint(node.pos) &&
        isRecord(node.widgets),
    ) &&
    clip.links.every((link) => typeof link.source === 'string' && typeof link.target === 'string') &&
    clip.groups.every((group) => Array.isArray(group.bounding) && group.bounding.length === 4)
  )
}

const isPoint = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'number')
const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
