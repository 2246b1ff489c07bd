/** The default keys by command id, chosen so that people coming from other node editors find theirs. */

/** Conditions: `canvas` = the canvas has the focus; `selection` = nodes are selected; `oneNode` = just one is; `covered` = a menu or dialog is open. */
export interface DefaultBinding {
  readonly keys: readonly string[]
  readonly when?: readonly string[]
  readonly inTextFields?: boolean
}

export const DEFAULT_KEYS = {
  'run.queue': { keys: ['Mod+Enter'], inTextFields: true },
  'run.queueFront': { keys: ['Mod+Shift+Enter'], inTextFields: true },
  'run.interrupt': { keys: ['Mod+Alt+Enter'], inTextFields: true },
  'graph.undo': { keys: ['Mod+Z'] },
  'graph.redo': { keys: ['Mod+Shift+Z', 'Mod+Y'] },
  'graph.copy': { keys: ['Mod+C'], when: ['canvas', 'selection'] },
  'graph.cut': { keys: ['Mod+X'], when: ['canvas', 'selection'] },
  'graph.paste': { keys: ['Mod+V'], when: ['canvas'] },
  'graph.pasteWithLinks': { keys: ['Mod+Shift+V'], when: ['canvas'] },
  'graph.duplicate': { keys: ['Mod+D'], when: ['canvas', 'selection'] },
  'graph.delete': { keys: ['Delete', 'Backspace'], when: ['canvas', 'selection'] },
  'graph.selectAll': { keys: ['Mod+A'], when: ['canvas'] },
  'graph.clearSelection': { keys: ['Escape'], when: ['canvas', 'selection'] },
  'graph.refresh': { keys: ['R'], when: ['canvas'] },
  'node.search': { keys: ['Space', 'Tab', 'Shift+A'], when: ['canvas'] },
  'node.mute': { keys: ['Mod+M', 'M'], when: ['canvas', 'selection'] },
  'node.bypass': { keys: ['Mod+B'], when: ['canvas', 'selection'] },
  'node.collapse': { keys: ['Alt+C'], when: ['canvas', 'selection'] },
  'node.pin': { keys: ['P'], when: ['canvas', 'selection'] },
  'node.links': { keys: ['L'], when: ['canvas', 'oneNode'] },
  'node.goLeft': { keys: ['Mod+ArrowLeft'], when: ['canvas'] },
  'node.goRight': { keys: ['Mod+ArrowRight'], when: ['canvas'] },
  'node.goUp': { keys: ['Mod+ArrowUp'], when: ['canvas'] },
  'node.goDown': { keys: ['Mod+ArrowDown'], when: ['canvas'] },
  'node.rename': { keys: ['F2'], when: ['canvas', 'selection'] },
  'view.fit': { keys: ['.', 'Home', 'Shift+1'], when: ['canvas'] },
  'view.fitSelection': { keys: ['Shift+2', 'F'], when: ['canvas', 'selection'] },
  'view.zoomIn': { keys: ['Alt+='], when: ['canvas'] },
  'view.zoomOut': { keys: ['Alt+-'], when: ['canvas'] },
  'workflow.new': { keys: ['Alt+N'], when: ['!covered'] },
  'workflow.save': { keys: ['Mod+S'], inTextFields: true },
  'workflow.saveAs': { keys: ['Mod+Shift+S'], inTextFields: true },
  'workflow.open': { keys: ['Mod+O'], inTextFields: true },
  'tab.next': { keys: ['Alt+PageDown'], when: ['!covered'], inTextFields: true },
  'tab.previous': { keys: ['Alt+PageUp'], when: ['!covered'], inTextFields: true },
  'tab.close': { keys: ['Alt+W'], when: ['!covered'] },
  'panel.workflows': { keys: ['W'], when: ['canvas'] },
  'panel.nodes': { keys: ['N'], when: ['canvas'] },
  'panel.queue': { keys: ['Q'], when: ['canvas'] },
  'panel.assets': { keys: ['A'], when: ['canvas'] },
  'app.palette': { keys: ['Mod+K'], inTextFields: true },
  'app.shortcuts': { keys: ['?'], when: ['!covered'] },
} as const satisfies Readonly<Record<string, DefaultBinding>>

/** Ids that have default keys. */
export type BoundCommandId = keyof typeof DEFAULT_KEYS

/** The default keys and conditions of a command, to be spread into its definition. */
export function bindingOf(id: BoundCommandId): DefaultBinding {
  return DEFAULT_KEYS[id]
}
