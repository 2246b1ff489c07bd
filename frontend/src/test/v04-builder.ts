/** Small v0.4 documents for tests, as other front ends write them. */
import type { JsonObject } from '../graph/model'

type Slot = [name: string, type: string, link?: number | null, widget?: boolean]

/** One saved node. */
export function savedNode(
  id: number | string,
  type: string,
  inputs: Slot[],
  outputs: [name: string, type: string, links?: number[]][],
  more: JsonObject = {},
): JsonObject {
  return {
    id,
    type,
    pos: [100, 200],
    size: [300, 100],
    flags: {},
    order: 0,
    mode: 0,
    inputs: inputs.map(([name, slotType, link, widget]) => ({
      name,
      type: slotType,
      link: link ?? null,
      ...(widget ? { widget: { name } } : {}),
    })),
    outputs: outputs.map(([name, slotType, links], at) => ({
      name,
      type: slotType,
      links: links ?? null,
      slot_index: at,
    })),
    properties: { 'Node name for S&R': type },
    ...more,
  }
}

/** A document around nodes and links. */
export function savedWorkflow(nodes: JsonObject[], links: unknown[] = [], more: JsonObject = {}): JsonObject {
  return {
    last_node_id: 90,
    last_link_id: 80,
    nodes,
    links: links as never,
    groups: [],
    config: {},
    extra: {},
    version: 0.4,
    ...more,
  }
}

/** A KSampler with the given `widgets_values`. */
export const savedSampler = (values: unknown, more: JsonObject = {}): JsonObject =>
  savedNode(
    3,
    'KSampler',
    [
      ['model', 'MODEL'],
      ['positive', 'CONDITIONING'],
      ['negative', 'CONDITIONING'],
      ['latent_image', 'LATENT'],
    ],
    [['LATENT', 'LATENT']],
    { widgets_values: values as never, ...more },
  )
