/** Names of saved workflows: for people, and in the server's folder. */

export const FOLDER = 'workflows'
export const ENDING = '.json'
export const PROMPT_ENDING = '.api.json'

/** Name for people of a saved workflow. */
export const nameOf = (path: string): string => (path.endsWith(ENDING) ? path.slice(0, -ENDING.length) : path)

/** Path in the user's data of a path below the folder of workflows. */
export const inFolder = (path: string): string => `${FOLDER}/${path}`

/** A name that is safe in every file system. */
export function cleanName(name: string): string {
  const clean = name
    .replace(/\.json$/i, '')
    .replace(/[<>:"|?*\\]/g, '-')
    .replace(/^\/+|\/+$/g, '')
    .trim()
  return clean === '' || clean.startsWith('.') ? `workflow ${clean}`.trim() : clean
}
