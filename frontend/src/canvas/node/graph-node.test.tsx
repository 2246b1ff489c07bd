import { ReactFlowProvider, type NodeProps } from '@xyflow/react'
import { cleanup, render, screen } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import { createStore } from 'zustand/vanilla'
import { DocumentRun } from '@/api/document-run'
import { RunSession } from '@/api/run-session'
import { CanvasView } from '@/canvas/canvas-view'
import { EditorContext, type Editor } from '@/canvas/editor'
import { GraphNode } from '@/canvas/node/graph-node'
import type { FlowNode } from '@/canvas/projection'
import type { Definitions } from '@/definitions/object-info'
import { TITLE_HEIGHT } from '@/definitions/layout'
import { EditorDocument } from '@/document/editor-document'
import { EMPTY_GRAPH } from '@/graph/model'
import { written } from '@/widgets/control'
import { json, server } from '@/test/answers'
import { coreDefinitions, recordedNodes } from '@/test/core-nodes'

const definitions = coreDefinitions()

function editorFor(document: EditorDocument): Editor {
  const { client } = server(json('{}'))
  return {
    id: 'tab',
    document,
    canvas: new CanvasView(),
    api: client,
    session: new RunSession(client),
    run: new DocumentRun(
      () => Promise.reject(new Error('nothing is sent here')),
      () => undefined,
    ),
    catalog: createStore<{ definitions: Definitions | null }>(() => ({ definitions })),
    uploadInto: () => Promise.resolve(),
  }
}

/** Draws a new node of a class as the canvas does; what the canvas knows of it. */
function draw(classType: string): FlowNode {
  const document = EditorDocument.fromGraph(EMPTY_GRAPH, definitions)
  document.addNode(classType, [0, 0])
  const editor = editorFor(document)
  editor.canvas.follow(document)
  const [node] = editor.canvas.store.getState().nodes as [FlowNode]
  render(
    <EditorContext value={editor}>
      <ReactFlowProvider>
        <GraphNode {...({ id: node.id, data: node.data, selected: false } as unknown as NodeProps<FlowNode>)} />
      </ReactFlowProvider>
    </EditorContext>,
  )
  return node
}

const has = (id: string): boolean => screen.queryByTestId(id) !== null

afterEach(cleanup)

describe.each(recordedNodes.map((node) => [node.class_type, node] as const))('%s', (classType, recorded) => {
  it('shows its name and every input and output', () => {
    draw(classType)
    expect(screen.getByRole('article').getAttribute('aria-label')).toBe(recorded.display_name ?? classType)
    const missing = recorded.inputs.filter(({ name }) => !has(`in-1-${name}`) && !has(`widget-1-${name}`))
    expect(missing).toEqual([])
    recorded.outputs.forEach((_output, index) => expect(has(`out-1-${index}`)).toBe(true))
    expect(has(`out-1-${recorded.outputs.length}`)).toBe(false)
  })

  it('has a control that shows the default of every value', () => {
    draw(classType)
    for (const input of recorded.inputs) {
      if (input.default === undefined || input.type === 'STRING') continue
      const control = screen.getByTestId(`widget-1-${input.name}`)
      if (input.type === 'BOOLEAN') expect(control.getAttribute('aria-checked')).toBe(written(input.default))
      else if (input.type === 'COMBO') expect(control.textContent).toBe(written(input.default))
      else expect(Number((control as HTMLInputElement).value)).toBe(Number(input.default))
    }
  })

  it('is as high as what it shows, and shows labels whole', () => {
    const { data, height } = draw(classType)
    const { rows, media, handles, labelWidth } = data.layout
    const slots = handles.filter((handle) => !handle.onWidget)
    const places = slots.map((handle) => `${handle.side} ${handle.y}`)
    expect(new Set(places).size).toBe(slots.length)
    const lowestSlot = Math.max(TITLE_HEIGHT, ...slots.map((handle) => handle.y + 11))
    let bottom = lowestSlot
    for (const row of rows) {
      expect(row.y).toBeGreaterThanOrEqual(bottom)
      bottom = row.y + row.height
    }
    expect(height).toBeGreaterThanOrEqual(Math.max(bottom, media.y + media.height))
    expect(height).toBeLessThanOrEqual(Math.max(bottom, media.y + media.height) + 16)
    const longest = Math.max(0, ...rows.filter((row) => row.height === 28).map((row) => row.widget.label.length))
    expect(labelWidth).toBeGreaterThanOrEqual(longest * 7)
  })
})
