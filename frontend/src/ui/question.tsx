/** The dialog behind `ask` and `askText`. */
import { Dialog } from 'radix-ui'
import { useState } from 'react'
import { t } from '@/i18n'
import { usePage, type Question } from '@/ui/page'

export default function QuestionDialog() {
  const question = usePage((state) => state.question)
  return question ? <Asked key={question.title} question={question} /> : null
}

function Asked({ question }: { question: Question }) {
  const [text, setText] = useState(question.field?.value ?? '')
  const empty = question.field !== null && text.trim() === ''
  return (
    <Dialog.Root open onOpenChange={(open) => !open && question.answer(null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dialog floating" aria-describedby={question.text ? undefined : ''}>
          <form
            className="dialog-form"
            onSubmit={(event) => {
              event.preventDefault()
              if (!empty) question.answer(question.field ? text.trim() : '')
            }}
          >
            <Dialog.Title asChild>
              <h2>{question.title}</h2>
            </Dialog.Title>
            {question.text ? <Dialog.Description>{question.text}</Dialog.Description> : null}
            {question.field ? (
              <input
                className="field"
                aria-label={question.field.label}
                autoFocus
                value={text}
                onFocus={(event) => event.target.select()}
                onChange={(event) => setText(event.target.value)}
              />
            ) : null}
            <div className="dialog-actions">
              <button type="button" className="button" data-kind="outline" onClick={() => question.answer(null)}>
                {t('cancel')}
              </button>
              {question.other ? (
                <button type="button" className="button" data-kind="outline" onClick={question.other.answer}>
                  {question.other.label}
                </button>
              ) : null}
              <button
                type="submit"
                className="button"
                data-kind={question.danger ? 'danger' : 'primary'}
                disabled={empty}
                autoFocus={!question.field}
              >
                {question.confirm}
              </button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
