/** Says in a passing note what went wrong. */
import { toast } from 'sonner'

/** `error`: whatever was thrown, or a sentence. `about`: what it is about, for example a file's name. */
export function tellError(error: unknown, about?: string): void {
  toast.error(error instanceof Error ? error.message : String(error), about === undefined ? {} : { description: about })
}
