import { cleanup, fireEvent, render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { WidgetDef, WidgetSpec } from '@/definitions/types'
import type { Json } from '@/graph/model'
import { ChoicesHost, useChoices } from '@/ui/choices'
import { hexOf } from '@/widgets/colours'
import { WidgetControl } from '@/widgets/widget-control'

const widget = (spec: WidgetSpec): WidgetDef => ({
  name: 'w',
  input: 'w',
  label: 'w',
  tooltip: null,
  spec,
  sent: true,
  linkable: true,
  advanced: false,
})

interface Given {
  readonly linked?: boolean
  readonly onFile?: (file: File) => void
}

function show(spec: WidgetSpec, first: Json, { linked = false, onFile = () => undefined }: Given = {}) {
  const changed = vi.fn<(value: Json) => void>()
  function Held() {
    const [value, setValue] = useState<Json>(first)
    const change = (next: Json) => {
      changed(next)
      setValue(next)
    }
    return (
      <WidgetControl
        widget={widget(spec)}
        value={value}
        label="w"
        testId="w"
        linked={linked}
        error={null}
        onChange={change}
        onFile={onFile}
      />
    )
  }
  render(
    <>
      <Held />
      <ChoicesHost />
    </>,
  )
  return { changed, user: userEvent.setup() }
}

const int = { kind: 'int', default: 0, min: 1, max: 100, step: 1, control: null, colour: false } as const
const seed = { ...int, min: 0, max: 18446744073709551615n, control: 'randomize' } as const
const float = { kind: 'float', default: 0, min: 0, max: 100, step: 0.1, round: 0.01, control: null } as const

afterEach(() => {
  cleanup()
  useChoices.setState({ request: null })
})

describe('number', () => {
  const type = async (spec: WidgetSpec, first: Json, text: string) => {
    const { changed, user } = show(spec, first)
    const field = screen.getByRole('spinbutton')
    await user.clear(field)
    await user.type(field, text)
    return { changed, field }
  }

  it.each([
    [int, '7{Enter}', 7],
    [int, '500{Enter}', 100],
    [int, '-3{Enter}', 1],
    [int, '2+3*4{Enter}', 14],
    [float, '7.5/2{Enter}', 3.75],
    [float, '1,25{Enter}', 1.25],
    [seed, '18446744073709551615{Enter}', 18446744073709551615n],
    [seed, '9007199254740993{Enter}', 9007199254740993n],
  ] as const)('%o takes %s as %s', async (spec, text, value) => {
    expect((await type(spec, 20, text)).changed).toHaveBeenLastCalledWith(value)
  })

  it('goes back when what was typed is no number, and on Escape', async () => {
    const { changed, field } = await type(int, 20, 'abc{Enter}')
    expect(changed).not.toHaveBeenCalled()
    expect(field).toHaveProperty('value', '20')
    fireEvent.change(field, { target: { value: '55' } })
    fireEvent.keyDown(field, { key: 'Escape' })
    expect(field).toHaveProperty('value', '20')
    expect(changed).not.toHaveBeenCalled()
  })

  it('steps with the arrow keys, finer with Shift and coarser with Ctrl', () => {
    const { changed } = show(float, 5)
    const field = screen.getByRole('spinbutton')
    fireEvent.keyDown(field, { key: 'ArrowUp' })
    expect(changed).toHaveBeenLastCalledWith(5.1)
    fireEvent.keyDown(field, { key: 'ArrowDown', ctrlKey: true })
    expect(changed).toHaveBeenLastCalledWith(4.1)
    fireEvent.keyDown(field, { key: 'ArrowUp', shiftKey: true })
    expect(changed).toHaveBeenLastCalledWith(4.11)
  })

  it('scrubs while the pointer is dragged, and not for seeds', () => {
    const { changed } = show(int, 20)
    const field = screen.getByRole('spinbutton')
    field.setPointerCapture = () => undefined
    fireEvent.pointerDown(field, { button: 0, clientX: 100, pointerId: 1 })
    fireEvent.pointerMove(field, { clientX: 140, pointerId: 1 })
    fireEvent.pointerUp(field, { clientX: 140, pointerId: 1 })
    expect(changed).toHaveBeenLastCalledWith(30)
    cleanup()
    const large = show(seed, 20)
    const other = screen.getByRole('spinbutton')
    other.setPointerCapture = () => undefined
    fireEvent.pointerDown(other, { button: 0, clientX: 100, pointerId: 1 })
    fireEvent.pointerMove(other, { clientX: 140, pointerId: 1 })
    expect(large.changed).not.toHaveBeenCalled()
  })

  it('takes no input while a link gives the value', () => {
    show(int, 20, { linked: true })
    expect(screen.getByRole('spinbutton')).toHaveProperty('readOnly', true)
  })
})

describe('text', () => {
  it('keeps lines, and never lets the graph zoom or move under it', async () => {
    const spec = { kind: 'text', default: '', multiline: true, placeholder: null, dynamicPrompts: true } as const
    const { changed, user } = show(spec, '')
    const field = screen.getByRole('textbox')
    await user.type(field, 'a{Enter}b')
    expect(changed).toHaveBeenLastCalledWith('a\nb')
    for (const name of ['nodrag', 'nowheel', 'nopan']) expect(field.classList.contains(name)).toBe(true)
  })
})

describe('boolean', () => {
  it('switches', async () => {
    const { changed, user } = show({ kind: 'boolean', default: false, labelOn: null, labelOff: null }, false)
    await user.click(screen.getByRole('switch'))
    expect(changed).toHaveBeenLastCalledWith(true)
    expect(screen.getByRole('switch').getAttribute('aria-checked')).toBe('true')
  })
})

describe('combo', () => {
  const options = ['euler', 'heun', 'ddim', 'uni_pc', 'dpm_2', 'dpmpp_2m', 'dpmpp_sde', 'lcm', 'lms']
  const combo = { kind: 'combo', default: 'euler', options, upload: null, control: null } as const

  it('offers a list with a filter and takes the choice', async () => {
    const { changed, user } = show(combo, 'euler')
    await user.click(screen.getByTestId('w'))
    const filter = await screen.findByPlaceholderText('Filter', {}, { timeout: 10_000 })
    expect(screen.getAllByRole('option').map((option) => option.textContent?.replace('•', ''))).toEqual(options)
    await user.type(filter, 'ddi{Enter}')
    expect(changed).toHaveBeenLastCalledWith('ddim')
    expect(screen.queryByRole('option')).toBeNull()
  })

  it('steps with the arrow keys and stops at the ends', () => {
    const { changed } = show(combo, 'euler')
    fireEvent.keyDown(screen.getByTestId('w'), { key: 'ArrowUp' })
    expect(changed).not.toHaveBeenCalled()
    fireEvent.keyDown(screen.getByTestId('w'), { key: 'ArrowDown' })
    expect(changed).toHaveBeenLastCalledWith('heun')
  })

  it('says when the server offers nothing', async () => {
    const { user } = show({ ...combo, default: null, options: [] }, null)
    expect(screen.getByTestId('w').textContent).toBe('nothing to choose')
    await user.click(screen.getByTestId('w'))
    expect(await screen.findByText(/Put files into its folder/)).toBeDefined()
  })

  it('keeps and marks a value that is not offered', () => {
    show(combo, 'gone.safetensors')
    expect(screen.getByTestId('w').textContent).toBe('gone.safetensors')
    expect(screen.getByTestId('w').getAttribute('aria-invalid')).toBe('true')
  })
})

describe('menus with entries that look alike', () => {
  const options = [1, '1', true, 'true', 'x', 'y', 'z', ' 1 ']
  const combo = { kind: 'combo', default: 1, options, upload: null, control: null } as const

  it('tells them apart', async () => {
    const { changed, user } = show(combo, 1)
    await user.click(screen.getByTestId('w'))
    await screen.findByPlaceholderText('Filter', {}, { timeout: 10_000 })
    await user.click(screen.getAllByRole('option')[1] as HTMLElement)
    expect(changed).toHaveBeenLastCalledWith('1')
    await user.click(screen.getByTestId('w'))
    await user.click(screen.getAllByRole('option')[7] as HTMLElement)
    expect(changed).toHaveBeenLastCalledWith(' 1 ')
  })

  it('are not found by their place in the list', async () => {
    const { user } = show(combo, 1)
    await user.click(screen.getByTestId('w'))
    await user.type(await screen.findByPlaceholderText('Filter'), 'choice')
    expect(screen.queryAllByRole('option')).toEqual([])
  })
})

describe('colour', () => {
  it('is picked as text', async () => {
    const { changed, user } = show({ kind: 'colour', default: '#ffffff' }, '#102030')
    const swatch = screen.getByTestId('w-swatch')
    expect(swatch).toHaveProperty('value', '#102030')
    fireEvent.change(swatch, { target: { value: '#ff8000' } })
    expect(changed).toHaveBeenLastCalledWith('#ff8000')
    await user.clear(screen.getByRole('textbox'))
    await user.type(screen.getByRole('textbox'), '#0f0')
    expect(swatch).toHaveProperty('value', '#00ff00')
  })

  it('is picked as number where the class wants one', () => {
    const { changed } = show({ ...int, min: 0, max: 0xffffff, colour: true }, 255)
    const swatch = screen.getByTestId('w-swatch')
    expect(swatch).toHaveProperty('value', '#0000ff')
    fireEvent.change(swatch, { target: { value: '#010203' } })
    expect(changed).toHaveBeenLastCalledWith(0x010203)
    expect(screen.getByRole('spinbutton')).toHaveProperty('value', '66051')
  })

  it('cannot be picked while a link gives it', () => {
    show({ kind: 'colour', default: '#ffffff' }, '#102030', { linked: true })
    expect(screen.getByTestId('w-swatch')).toHaveProperty('disabled', true)
  })

  it.each([
    ['#ABC', '#aabbcc'],
    ['a1b2c3', '#a1b2c3'],
    ['#a1b2c3ff', '#a1b2c3'],
    ['tomato', '#000000'],
    ['#12345', '#000000'],
    [null, '#000000'],
    [0x1000000, '#ffffff'],
    [-1, '#000000'],
    [65280n, '#00ff00'],
  ])('reads %o as %s', (value, hex) => {
    expect(hexOf(value)).toBe(hex)
  })
})

describe('values without a control', () => {
  it('say that nothing can be recorded yet', () => {
    show({ kind: 'other', type: 'WEBCAM', default: null }, null)
    expect(screen.getByTestId('w').textContent).toBe('w: recording is not possible here yet.')
  })

  it('are shown as they are kept', () => {
    show({ kind: 'other', type: 'CURVE', default: [] }, [[0, 1]])
    expect(screen.getByTestId('w').textContent).toBe('[[0,1]]')
    expect(screen.getByTestId('w').title).toContain('CURVE')
  })
})

describe('upload', () => {
  it('hands the chosen file on', async () => {
    const onFile = vi.fn()
    const { user } = show({ kind: 'upload', default: 'image', media: 'image' }, 'image', { onFile })
    const file = new File(['x'], 'a.png', { type: 'image/png' })
    await user.upload(screen.getByTestId('w-file'), file)
    expect(onFile).toHaveBeenCalledWith(file)
  })
})
