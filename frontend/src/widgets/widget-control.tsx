/** The control for a widget, chosen by its kind; used by nodes (and by whatever else shows a widget). */
import type { WidgetDef } from '@/definitions/types'
import { BooleanControl } from '@/widgets/boolean'
import { ComboControl } from '@/widgets/combo'
import { ColourControl, ColourNumberControl } from '@/widgets/colour'
import type { ControlProps } from '@/widgets/control'
import { ControlModeControl } from '@/widgets/control-mode'
import { KeptValue } from '@/widgets/kept-value'
import { NumberControl } from '@/widgets/number'
import { TextControl } from '@/widgets/text'
import { UploadControl } from '@/widgets/upload'

export interface WidgetControlProps extends Omit<ControlProps, 'spec'> {
  readonly widget: WidgetDef
  readonly onFile: (file: File) => void
}

export function WidgetControl({ widget, onFile, ...props }: WidgetControlProps) {
  const { spec } = widget
  switch (spec.kind) {
    case 'int':
      return spec.colour ? <ColourNumberControl spec={spec} {...props} /> : <NumberControl spec={spec} {...props} />
    case 'float':
      return <NumberControl spec={spec} {...props} />
    case 'text':
      return <TextControl spec={spec} {...props} />
    case 'boolean':
      return <BooleanControl spec={spec} {...props} />
    case 'combo':
      return <ComboControl spec={spec} {...props} />
    case 'control':
      return <ControlModeControl spec={spec} {...props} />
    case 'filter':
      return <TextControl spec={FILTER} {...props} />
    case 'upload':
      return (
        <UploadControl
          label={props.label}
          testId={props.testId}
          accept={`${spec.media}/*`}
          linked={props.linked}
          onFile={onFile}
        />
      )
    case 'colour':
      return <ColourControl spec={spec} {...props} />
    case 'other':
      return <KeptValue spec={spec} {...props} />
  }
}

const FILTER = { kind: 'text', default: '', multiline: false, placeholder: null, dynamicPrompts: false } as const
