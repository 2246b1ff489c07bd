/** Hears what Yjs changed: drops what was remembered of it and marks who has to be told. Used by readable-document.ts. */
import type * as Y from 'yjs'
import type { NodeId } from '../graph/model'
import { WIDGETS } from './node-map'
import type { Places } from './places'
import type { Subscriptions } from './subscriptions'

/** What readers remember between changes. */
export interface Memory {
  forgetNode(id: NodeId): void
  /** Which nodes and links there are. */
  forgetShape(): void
  forgetGroups(): void
}

/** Fields of a node on which the shape of the graph depends. */
const SHAPING = ['classType', 'index', 'inputs', 'outputs'] as const

/** Listens from its making until {@link ChangeWatch.stop}. */
export class ChangeWatch {
  readonly #places: Places
  readonly #meta: Y.Map<unknown>
  readonly #memory: Memory
  readonly #subscriptions: Subscriptions
  #shapeTouched = false

  constructor(places: Places, meta: Y.Map<unknown>, memory: Memory, subscriptions: Subscriptions) {
    this.#places = places
    this.#meta = meta
    this.#memory = memory
    this.#subscriptions = subscriptions
    places.nodes.observeDeep(this.#onNodes)
    places.links.observe(this.#onLinks)
    places.groups.observe(this.#onGroups)
    meta.observe(this.#onMeta)
  }

  stop(): void {
    this.#places.nodes.unobserveDeep(this.#onNodes)
    this.#places.links.unobserve(this.#onLinks)
    this.#places.groups.unobserve(this.#onGroups)
    this.#meta.unobserve(this.#onMeta)
  }

  /** Whether nodes or links came, went or changed class since the last call. */
  takeShapeTouched(): boolean {
    const touched = this.#shapeTouched
    this.#shapeTouched = false
    return touched
  }

  readonly #onNodes = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    this.#subscriptions.touch('content')
    for (const event of events) {
      const [id, inner] = event.path as [NodeId?, string?]
      if (id === undefined) this.#nodesReplaced(event.keys.keys())
      else if (inner === WIDGETS) for (const name of event.keys.keys()) this.#subscriptions.touchWidget(id, name)
      else this.#nodeChanged(id, event.keys)
    }
  }

  #nodesReplaced(ids: Iterable<NodeId>): void {
    this.#shapeChanged()
    for (const id of ids) {
      this.#memory.forgetNode(id)
      this.#subscriptions.touchNode(id)
      this.#subscriptions.touchWidget(id, null)
    }
  }

  #nodeChanged(id: NodeId, keys: ReadonlyMap<string, unknown>): void {
    this.#memory.forgetNode(id)
    this.#subscriptions.touchNode(id)
    if (SHAPING.some((field) => keys.has(field))) this.#shapeChanged()
    if (keys.has(WIDGETS)) this.#subscriptions.touchWidget(id, null)
  }

  readonly #onLinks = (event: Y.YMapEvent<unknown>): void => {
    this.#subscriptions.touch('content')
    this.#shapeChanged()
    for (const key of event.keys.keys()) {
      const [target] = JSON.parse(key) as [NodeId, string]
      this.#subscriptions.touchNode(target)
    }
  }

  #shapeChanged(): void {
    this.#memory.forgetShape()
    this.#shapeTouched = true
    this.#subscriptions.touch('topology')
  }

  readonly #onGroups = (): void => {
    this.#memory.forgetGroups()
    this.#subscriptions.touch('groups')
    this.#subscriptions.touch('content')
  }

  readonly #onMeta = (event: Y.YMapEvent<unknown>): void => {
    if (event.keysChanged.has('viewport')) this.#subscriptions.touch('viewport')
    if (event.keysChanged.has('rest')) this.#subscriptions.touch('content')
  }
}
