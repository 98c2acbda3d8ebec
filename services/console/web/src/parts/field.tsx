import type { ComponentChildren, TargetedEvent } from 'preact'
import type { ApiFailure } from '../api.ts'

export interface FieldProps {
  readonly id: string
  readonly label: string
  readonly value: string
  readonly onInput: (value: string) => void
  /** The name that problem+json gives this field. */
  readonly name: string
  readonly failure: ApiFailure | null
  readonly hint?: ComponentChildren
  readonly prefix?: string
  readonly type?: 'text' | 'datetime-local'
  readonly inputMode?: 'url' | 'text'
  readonly placeholder?: string
  readonly required?: boolean
  readonly autoFocus?: boolean
}

/** `tags.0` belongs to the field `tags`. */
export function concerns(failure: ApiFailure | null, name: string): boolean {
  return failure?.field?.split('.')[0] === name
}

/** A failure that no field of the form can show. */
export function concernsNone(failure: ApiFailure | null, names: readonly string[]): boolean {
  return failure !== null && !names.some((name) => concerns(failure, name))
}

/** An input with its label, its hint and, when the answer named this field, what is wrong with it. */
export function Field(props: FieldProps) {
  const { id, label, name, failure, hint, prefix } = props
  const isWrong = concerns(failure, name)
  const hintId = `${id}-hint`
  const wrongId = `${id}-wrong`
  const common = {
    id,
    name,
    value: props.value,
    placeholder: props.placeholder,
    required: props.required,
    autoFocus: props.autoFocus,
    autoComplete: 'off',
    autoCapitalize: 'off',
    spellcheck: false,
    'aria-invalid': isWrong,
    'aria-describedby':
      [isWrong && wrongId, hint !== undefined && hintId].filter(Boolean).join(' ') || undefined,
    onInput: (event: TargetedEvent<HTMLInputElement>) => props.onInput(event.currentTarget.value),
  } as const
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class={`input ${isWrong ? 'input-wrong' : ''}`}>
        {prefix !== undefined && <span class="input-prefix">{prefix}</span>}
        {props.type === 'datetime-local' ? (
          <input type="datetime-local" {...common} />
        ) : (
          <input type="text" inputMode={props.inputMode} {...common} />
        )}
      </div>
      {isWrong && (
        <p class="field-wrong" id={wrongId} role="alert">
          {failure?.message}
        </p>
      )}
      {hint !== undefined && (
        <p class="field-hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  )
}

/** After a refusal the first field that it names has the focus. */
export function focusWrongField(form: HTMLFormElement | null): void {
  requestAnimationFrame(() => form?.querySelector<HTMLInputElement>('[aria-invalid="true"]')?.focus())
}
