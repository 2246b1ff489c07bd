import { describe, expect, it } from 'vitest'
import { nearest, neighbour } from '@/canvas/neighbour'
import type { FlowNode } from '@/canvas/projection'

const at = (id: string, x: number, y: number) => ({ id, position: { x, y }, width: 100, height: 100 }) as FlowNode
const [left, middle, right, far, below] = [
  at('left', 0, 0),
  at('middle', 200, 10),
  at('right', 400, 0),
  at('far', 420, 900),
  at('below', 210, 400),
]
const nodes = [left, middle, right, far, below]

describe('neighbour', () => {
  it.each([
    [middle, 'left', 'left'],
    [middle, 'right', 'right'],
    [middle, 'down', 'below'],
    [below, 'up', 'middle'],
    [below, 'right', 'right'],
    [left, 'left', undefined],
  ] as const)('goes from one node to the next', (from, direction, to) => {
    expect(neighbour(nodes, from, direction)?.id).toBe(to)
  })

  it('begins with the node nearest to a place', () => {
    expect(nearest(nodes, { x: 260, y: 430 })?.id).toBe('below')
    expect(nearest([], { x: 0, y: 0 })).toBeNull()
  })
})
