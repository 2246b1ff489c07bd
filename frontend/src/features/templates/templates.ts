/** Ready-made workflows that the server offers. */
import type { ApiClient } from '@/api/client'
import { array, object, text } from '@/api/wire'

export interface Template {
  readonly name: string
  readonly title: string
  readonly description: string
  /** Address of a picture; `null`: none. */
  readonly thumbnail: string | null
}

export async function listTemplates(api: ApiClient): Promise<Template[]> {
  return array(await api.getJson('v1/templates')).map((entry) => {
    const found = object(entry)
    const name = text(found['name'])
    return {
      name,
      title: text(found['title']) || name,
      description: text(found['description']),
      thumbnail: text(found['thumbnail']) || null,
    }
  })
}
