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
  readonly type?: 'text' | 'datetime-local' | 'password'
  readonly inputMode?: 'url' | 'text' | 'numeric'
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
    // Browsers fill saved passwords into what is merely "off".
    autoComplete: props.type === 'password' ? 'new-password' : 'off',
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
        ) : props.type === 'password' ? (
          <input type="password" {...common} />
        ) : (
          <input type="text" inputMode={props.inputMode} {...common} />
        )}
      </div>
      <FieldNotes {...{ id, name, failure, hint }} />
    </div>
  )
}

/** What is wrong with a field, when the answer named it, and its hint. */
function FieldNotes(props: Pick<FieldProps, 'id' | 'name' | 'failure' | 'hint'>) {
  return (
    <>
      {concerns(props.failure, props.name) && (
        <p class="field-wrong" id={`${props.id}-wrong`} role="alert">
          {props.failure?.message}
        </p>
      )}
      {props.hint !== undefined && (
        <p class="field-hint" id={`${props.id}-hint`}>
          {props.hint}
        </p>
      )}
    </>
  )
}

type PlainFieldProps = Pick<FieldProps, 'id' | 'label' | 'value' | 'onInput' | 'name' | 'failure' | 'hint'>

/** One of a few values. */
export function Select(
  props: PlainFieldProps & { options: readonly { readonly value: string; readonly label: string }[] },
) {
  const isWrong = concerns(props.failure, props.name)
  return (
    <div class="field">
      <label for={props.id}>{props.label}</label>
      <div class={`input ${isWrong ? 'input-wrong' : ''}`}>
        <select
          id={props.id}
          name={props.name}
          value={props.value}
          aria-invalid={isWrong}
          onChange={(event) => props.onInput(event.currentTarget.value)}
        >
          {props.options.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <FieldNotes {...props} />
    </div>
  )
}

/** 'yes' or nothing. */
export function Check(props: PlainFieldProps) {
  return (
    <div class="field field-check">
      <label for={props.id}>
        <input
          type="checkbox"
          id={props.id}
          name={props.name}
          checked={props.value === 'yes'}
          aria-describedby={props.hint === undefined ? undefined : `${props.id}-hint`}
          onChange={(event) => props.onInput(event.currentTarget.checked ? 'yes' : '')}
        />
        {props.label}
      </label>
      <FieldNotes {...props} />
    </div>
  )
}

/** After a refusal the first field that it names has the focus. */
export function focusWrongField(form: HTMLFormElement | null): void {
  requestAnimationFrame(() => form?.querySelector<HTMLInputElement>('[aria-invalid="true"]')?.focus())
}
