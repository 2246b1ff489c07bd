/** Which node lies next in a direction, for moving through the graph by keys. */
import type { FlowNode } from '@/canvas/projection'

export type Direction = 'left' | 'right' | 'up' | 'down'

const VECTORS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] } as const
/** How much more a step aside counts than a step ahead. */
const ASIDE = 2

/** The nearest node in the direction, those straight ahead before others; null when there is none. */
export function neighbour(nodes: readonly FlowNode[], from: FlowNode, direction: Direction): FlowNode | null {
  const [dx, dy] = VECTORS[direction]
  const start = middleOf(from)
  let best: FlowNode | null = null
  let least = Infinity
  for (const node of nodes) {
    const { x, y } = middleOf(node)
    const ahead = (x - start.x) * dx + (y - start.y) * dy
    const aside = Math.abs((x - start.x) * dy) + Math.abs((y - start.y) * dx)
    if (node.id === from.id || ahead <= 0) continue
    const distance = ahead + aside * ASIDE
    if (distance < least) [best, least] = [node, distance]
  }
  return best
}

/** The node nearest to a place in the graph. */
export function nearest(nodes: readonly FlowNode[], to: { x: number; y: number }): FlowNode | null {
  const distance = (node: FlowNode) => Math.hypot(middleOf(node).x - to.x, middleOf(node).y - to.y)
  return nodes.reduce<FlowNode | null>((best, node) => (best && distance(best) <= distance(node) ? best : node), null)
}

function middleOf({ position, width = 0, height = 0 }: FlowNode): { x: number; y: number } {
  return { x: position.x + width / 2, y: position.y + height / 2 }
}
