/** How a class's standing is shown: as words in lists, as small signs in a node's title. */
import { Archive, CircleSlash, FlaskConical } from 'lucide-react'
import { standingsOf, type Standing } from '@/definitions/standing'
import type { NodeDefinition } from '@/definitions/types'
import { t, type Words } from '@/i18n'

const SIGNS = { unsupported: CircleSlash, deprecated: Archive, experimental: FlaskConical } as const

const words = (standing: Standing): string => t(`standing.${standing}` satisfies Words)

const sentence = (standing: Standing, { unsupportedFamily }: NodeDefinition): string =>
  t(`standing.${standing}.hint` satisfies Words, { family: unsupportedFamily })

export function StandingWords({ definition }: { definition: NodeDefinition }) {
  return standingsOf(definition).map((standing) => (
    <span key={standing} className="standing" data-standing={standing} title={sentence(standing, definition)}>
      {words(standing)}
    </span>
  ))
}

export function StandingSigns({ definition }: { definition: NodeDefinition }) {
  return standingsOf(definition).map((standing) => {
    const Sign = SIGNS[standing]
    return (
      <span key={standing} className="standing-sign" data-standing={standing} title={sentence(standing, definition)}>
        <Sign size={12} aria-label={words(standing)} />
      </span>
    )
  })
}

/** The sentences that explain it, one paragraph each. */
export function StandingSentences({ definition }: { definition: NodeDefinition }) {
  return standingsOf(definition).map((standing) => (
    <p key={standing} className="standing-sentence" data-standing={standing}>
      {sentence(standing, definition)}
    </p>
  ))
}
