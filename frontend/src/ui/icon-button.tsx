/** A square button that shows an icon; its label is the accessible name and the tooltip. Used by every bar and panel. */
import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react'
import { Tip } from '@/ui/tip'

export interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'aria-label' | 'children'> {
  label: string
  /** Key combination to show behind the label. */
  keys?: string | undefined
  small?: boolean
  children: ReactNode
  ref?: Ref<HTMLButtonElement>
}

export function IconButton({ label, keys, small, children, className, ...rest }: IconButtonProps) {
  return (
    <Tip text={label} keys={keys}>
      <button
        type="button"
        aria-label={label}
        className={`icon-button ${className ?? ''}`}
        data-small={small ? '' : undefined}
        {...rest}
      >
        {children}
      </button>
    </Tip>
  )
}
