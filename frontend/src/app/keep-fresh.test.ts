import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { keepFresh } from '@/app/keep-fresh'
import { closeChoices, openChoices, renewChoices, useChoices, type ChoicesRequest } from '@/ui/choices'

const request = (owner: string, fromServer: boolean): ChoicesRequest => ({
  owner,
  anchor: document.body,
  label: 'file',
  options: [],
  value: null,
  fromServer,
  onPick: () => undefined,
})

describe('what the server offers', () => {
  const listeners: EventListenerOrEventListenerObject[] = []
  beforeEach(() => {
    vi.spyOn(window, 'addEventListener').mockImplementation((_type: string, listener) => {
      listeners.push(listener)
    })
  })
  afterEach(() => {
    closeChoices()
    listeners.length = 0
  })

  /** Starts it with a server that answers when told to. */
  function started() {
    let answer = () => undefined as void
    const refreshDefinitions = vi.fn(() => new Promise<void>((resolve) => (answer = resolve)))
    keepFresh({ refreshDefinitions })
    const answered = async () => {
      answer()
      await new Promise((resolve) => setTimeout(resolve))
    }
    const focus = () => (listeners.at(-1) as EventListener)(new Event('focus'))
    return { refreshDefinitions, answered, focus }
  }

  it('is asked for once by each menu of its values that opens', async () => {
    const { refreshDefinitions, answered } = started()
    openChoices(request('widget-4-ckpt_name', true))
    expect(refreshDefinitions).toHaveBeenCalledTimes(1)
    await answered()
    renewChoices('widget-4-ckpt_name', [{ value: 'new', label: 'new' }])
    expect(useChoices.getState().request?.options).toHaveLength(1)
    expect(refreshDefinitions).toHaveBeenCalledTimes(1)
    closeChoices()
    openChoices(request('widget-4-ckpt_name', true))
    expect(refreshDefinitions).toHaveBeenCalledTimes(2)
  })

  it('is not asked for by a menu of the page itself', () => {
    const { refreshDefinitions } = started()
    openChoices(request('widget-3-seed/control', false))
    expect(refreshDefinitions).not.toHaveBeenCalled()
  })

  it('is asked for when the window gets the focus, once at a time, also after a failure', async () => {
    const { refreshDefinitions, answered, focus } = started()
    focus()
    focus()
    expect(refreshDefinitions).toHaveBeenCalledTimes(1)
    await answered()
    refreshDefinitions.mockRejectedValueOnce(new Error('away'))
    focus()
    await answered()
    focus()
    expect(refreshDefinitions).toHaveBeenCalledTimes(3)
  })

  it('renews only the list that is open', () => {
    openChoices(request('widget-1-a', true))
    renewChoices('widget-1-b', [{ value: 'new', label: 'new' }])
    expect(useChoices.getState().request?.options).toEqual([])
  })
})
