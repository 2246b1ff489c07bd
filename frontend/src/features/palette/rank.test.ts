import { expect, test } from 'vitest'
import type { Command } from '@/commands/registry'
import { offered, rank } from '@/features/palette/rank'

const command = (title: string, group = 'Edit', when: string[] = []): Command => ({
  id: title,
  title,
  group,
  when,
  run: () => undefined,
})
const titles = (commands: readonly Command[]) => commands.map((entry) => entry.title)

test('a title that begins with the text comes before one that only has it', () => {
  const all = [command('Zoom out', 'View'), command('Show selection', 'View'), command('Select all'), command('Mute')]
  expect(titles(rank(all, 'select'))).toEqual(['Select all', 'Show selection'])
  expect(titles(rank(all, 'mute'))).toEqual(['Mute'])
})

test('every word has to be there, in any order, in title or group', () => {
  const all = [command('Save', 'Workflow'), command('Save as', 'Workflow'), command('Paste with links')]
  expect(titles(rank(all, 'workflow as'))).toEqual(['Save as'])
  expect(titles(rank(all, 'links paste'))).toEqual(['Paste with links'])
  expect(rank(all, 'nothing')).toEqual([])
})

test('the exact title wins', () => {
  expect(titles(rank([command('Run first', 'Run'), command('Run', 'Run')], 'run'))).toEqual(['Run', 'Run first'])
})

test('the palette itself takes the focus; that alone hides nothing', () => {
  const all = [
    command('Mute', 'Node', ['canvas', 'selection']),
    command('Paste', 'Edit', ['canvas']),
    command('Add here', 'Node', ['canvas', 'pane']),
  ]
  expect(titles(offered(all, { canvas: false, selection: false }))).toEqual(['Paste'])
  expect(titles(offered(all, { canvas: false, selection: true }))).toEqual(['Mute', 'Paste'])
})
