/** Button that puts a picture of this computer into the server's input folder and chooses it. */
import { Upload } from 'lucide-react'
import { useRef } from 'react'
import { t } from '@/i18n'

export interface UploadControlProps {
  readonly label: string
  readonly testId: string
  readonly accept: string
  readonly linked: boolean
  readonly onFile: (file: File) => void
}

export function UploadControl({ label, testId, accept, linked, onFile }: UploadControlProps) {
  const field = useRef<HTMLInputElement>(null)
  return (
    <>
      <button
        type="button"
        className="control upload nodrag nopan"
        data-testid={testId}
        disabled={linked}
        onClick={() => field.current?.click()}
      >
        <Upload size={12} aria-hidden="true" />
        {t('upload.choose')}
      </button>
      <input
        ref={field}
        type="file"
        className="visually-hidden"
        aria-label={label}
        data-testid={`${testId}-file`}
        accept={accept}
        tabIndex={-1}
        onChange={(event) => {
          const file = event.target.files?.[0]
          event.target.value = ''
          if (file) onFile(file)
        }}
      />
    </>
  )
}
