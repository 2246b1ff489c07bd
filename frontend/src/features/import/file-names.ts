/** How menus of pictures name a file of the server: `folder/name.png`, outside the input folder `name.png [output]`. */
import type { FileRef } from '@/api/wire'

export function nameInMenu({ filename, subfolder, type }: FileRef): string {
  const name = subfolder ? `${subfolder}/${filename}` : filename
  return type === 'input' ? name : `${name} [${type}]`
}
