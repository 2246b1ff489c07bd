/** Who wants to know about what; collects what a transaction touched and tells each listener once. */
import type { NodeId } from '../graph/model'
import type { Unsubscribe } from './types'

type Listener = () => void

/** What can be listened to besides single nodes and widgets. */
export type Topic = 'topology' | 'groups' | 'viewport' | 'history' | 'content' | 'definitions'

/** Fine-grained listeners of one document. */
export class Subscriptions {
  readonly #topics = new Map<Topic, Set<Listener>>()
  readonly #nodes = new Map<NodeId, Set<Listener>>()
  readonly #widgets = new Map<NodeId, Map<string, Set<Listener>>>()
  readonly #touchedTopics = new Set<Topic>()
  readonly #touchedNodes = new Set<NodeId>()
  readonly #touchedWidgets = new Map<NodeId, Set<string> | 'all'>()

  onTopic(topic: Topic, listener: Listener): Unsubscribe {
    return add(this.#topics, topic, listener)
  }

  onNode(id: NodeId, listener: Listener): Unsubscribe {
    return add(this.#nodes, id, listener)
  }

  onWidget(id: NodeId, name: string, listener: Listener): Unsubscribe {
    let ofNode = this.#widgets.get(id)
    if (!ofNode) this.#widgets.set(id, (ofNode = new Map<string, Set<Listener>>()))
    const remove = add(ofNode, name, listener)
    return () => {
      remove()
      if (ofNode.size === 0) this.#widgets.delete(id)
    }
  }

  touch(topic: Topic): void {
    this.#touchedTopics.add(topic)
  }

  touchNode(id: NodeId): void {
    this.#touchedNodes.add(id)
  }

  /** Marks one widget of a node, or all of them. */
  touchWidget(id: NodeId, name: string | null): void {
    const touched = this.#touchedWidgets.get(id)
    if (touched === 'all') return
    if (name === null) this.#touchedWidgets.set(id, 'all')
    else if (touched) touched.add(name)
    else this.#touchedWidgets.set(id, new Set([name]))
  }

  /** Tells everyone concerned, each listener once, and forgets what was touched. */
  flush(): void {
    const listeners = new Set<Listener>()
    const collect = (found: Iterable<Listener> | undefined) => {
      for (const listener of found ?? []) listeners.add(listener)
    }
    for (const topic of this.#touchedTopics) collect(this.#topics.get(topic))
    for (const id of this.#touchedNodes) collect(this.#nodes.get(id))
    for (const [id, names] of this.#touchedWidgets) {
      const ofNode = this.#widgets.get(id)
      for (const [name, found] of ofNode ?? []) if (names === 'all' || names.has(name)) collect(found)
    }
    this.#touchedTopics.clear()
    this.#touchedNodes.clear()
    this.#touchedWidgets.clear()
    for (const listener of listeners) listener()
  }

  /** Marks every listened-to node and widget, for changes of all definitions; the content stays what it is. */
  touchDefinitions(): void {
    this.touch('topology')
    this.touch('definitions')
    for (const id of this.#nodes.keys()) this.touchNode(id)
    for (const id of this.#widgets.keys()) this.touchWidget(id, null)
  }
}

function add<K>(map: Map<K, Set<Listener>>, key: K, listener: Listener): Unsubscribe {
  let set = map.get(key)
  if (!set) map.set(key, (set = new Set()))
  // A wrapper of its own, so that one function may be added twice and removed once.
  const entry: Listener = () => listener()
  set.add(entry)
  return () => {
    set.delete(entry)
    if (set.size === 0 && map.get(key) === set) map.delete(key)
  }
}
