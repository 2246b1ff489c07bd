/** What pure graph questions need to know; the document answers it, and so does a plain graph. */
import type { DefinitionSource, NodeDefinition } from '../definitions/types'
import { definitionForNode } from '../definitions/for-node'
import type { Graph, GraphLink, GraphNode, Json, NodeId, NodeView } from './model'

/** Read access to a graph. */
export interface GraphReader {
  getNode(id: NodeId): NodeView | undefined
  /** Never missing for a node that exists: unknown classes get a placeholder. */
  definitionOf(id: NodeId): NodeDefinition | undefined
  getWidget(id: NodeId, name: string): Json | undefined
  linkInto(id: NodeId, input: string): GraphLink | undefined
  linksFrom(id: NodeId): readonly GraphLink[]
  linksInto(id: NodeId): readonly GraphLink[]
}

/** Indexes a plain graph for reading. */
export function readGraph(graph: Graph, definitions: DefinitionSource): GraphReader {
  const nodes = new Map<NodeId, GraphNode>(graph.nodes.map((node) => [node.id, node]))
  const index = new LinkIndex(graph.links)
  const reader: GraphReader = {
    getNode: (id) => nodes.get(id),
    definitionOf: (id) => {
      const node = nodes.get(id)
      return node && definitionForNode(node, definitions, reader)
    },
    getWidget: (id, name) => nodes.get(id)?.widgets[name],
    linkInto: (id, input) => index.into(id).find((link) => link.targetInput === input),
    linksFrom: (id) => index.from(id),
    linksInto: (id) => index.into(id),
  }
  return reader
}

const NONE: readonly GraphLink[] = []

/** Links by their ends. */
export class LinkIndex {
  readonly #from = new Map<NodeId, GraphLink[]>()
  readonly #into = new Map<NodeId, GraphLink[]>()

  constructor(links: readonly GraphLink[]) {
    for (const link of links) {
      push(this.#from, link.source, link)
      push(this.#into, link.target, link)
    }
  }

  from(id: NodeId): readonly GraphLink[] {
    return this.#from.get(id) ?? NONE
  }

  into(id: NodeId): readonly GraphLink[] {
    return this.#into.get(id) ?? NONE
  }
}

function push(map: Map<NodeId, GraphLink[]>, key: NodeId, link: GraphLink): void {
  const list = map.get(key)
  if (list) list.push(link)
  else map.set(key, [link])
}
