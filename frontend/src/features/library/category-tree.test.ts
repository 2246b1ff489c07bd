import { describe, expect, it } from 'vitest'
import { readObjectInfo } from '@/definitions/object-info'
import { categoryTree, type Category } from '@/features/library/category-tree'
import { coreDefinitions, recordedNodes } from '@/test/core-nodes'

const entry = (category: string, more: object = {}) => ({ category, input: {}, output: [], ...more })

const written = ({ name, categories, entries }: Category): unknown => [
  name,
  ...categories.map(written),
  ...entries.map((definition) => definition.classType),
]

const flat = (category: Category): Category[] => [category, ...category.categories.flatMap(flat)]

describe('categoryTree', () => {
  it('nests categories, folders before classes, both by name, trials last', () => {
    const tree = categoryTree(
      readObjectInfo({
        Z: entry('a'),
        B: entry('a/b/c'),
        A: entry('a/b'),
        Old: entry('a/b', { deprecated: true }),
        Y: entry('a'),
        Lost: entry(''),
        Test: entry('_for_testing'),
        Odd: entry('/a//d/'),
      }).all(),
      'other',
    )
    expect(tree.map(written)).toEqual([
      ['a', ['b', ['c', 'B'], 'A'], ['d', 'Odd'], 'Y', 'Z'],
      ['other', 'Lost'],
      ['_for_testing', 'Test'],
    ])
    expect(tree.flatMap(flat).map(({ path, count }) => [path, count])).toEqual([
      ['a', 5],
      ['a/b', 2],
      ['a/b/c', 1],
      ['a/d', 1],
      ['other', 1],
      ['_for_testing', 1],
    ])
  })

  it('holds every recorded class that is not deprecated once', () => {
    const tree = categoryTree(coreDefinitions().all(), 'other')
    const held = tree
      .flatMap(flat)
      .flatMap(({ path, entries }) => entries.map(({ classType }) => `${path} ${classType}`))
    const wanted = recordedNodes.flatMap((node) => (node.deprecated ? [] : [`${node.category} ${node.class_type}`]))
    expect(held.sort()).toEqual(wanted.sort())
  })
})
