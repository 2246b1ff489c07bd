/** One pop-up list for the whole page: combos and menus of nodes open it instead of carrying their own. */
import { create } from 'zustand'
import type { ComboOption } from '@/definitions/types'
import { later, Part } from '@/ui/later'

export interface Choice {
  readonly value: ComboOption
  readonly label: string
  /** Shown behind the label in the secondary colour. */
  readonly hint?: string
}

export interface ChoicesRequest {
  /** Who asked: lets a control show that its list is open. */
  readonly owner: string
  readonly anchor: HTMLElement
  readonly label: string
  readonly options: readonly Choice[]
  readonly value: ComboOption | null
  /** The server says what there is to choose: files may have come since it was asked. */
  readonly fromServer?: boolean
  readonly onPick: (value: ComboOption) => void
}

interface ChoicesState {
  readonly request: ChoicesRequest | null
}

export const useChoices = create<ChoicesState>()(() => ({ request: null }))

export function openChoices(request: ChoicesRequest): void {
  useChoices.setState({ request })
}

/** Gives the list of `owner` other options while it is open. */
export function renewChoices(owner: string, options: readonly Choice[]): void {
  const { request } = useChoices.getState()
  if (request?.owner === owner) useChoices.setState({ request: { ...request, options } })
}

/** Closes the list and gives the focus back to the control that opened it. */
export function closeChoices(): void {
  const anchor = useChoices.getState().request?.anchor
  useChoices.setState({ request: null })
  anchor?.focus({ preventScroll: true })
}

const List = later(() => import('@/ui/choices-list'))

/** Stands once in the shell. */
export function ChoicesHost() {
  const request = useChoices((state) => state.request)
  if (!request) return null
  return (
    <Part>
      <List key={request.owner} request={request} />
    </Part>
  )
}
