/** The fields of a link that a create and an edit have in common. */
import type { ApiFailure } from '../api.ts'
import type { OptionsDraft } from '../link-options.ts'
import { Check, Field, Select } from './field.tsx'

export type BindOption = (name: keyof OptionsDraft) => {
  readonly name: string
  readonly value: string
  readonly onInput: (value: string) => void
  readonly failure: ApiFailure | null
}

const statuses = [
  { value: '302', label: '302, found: asked for anew each time' },
  { value: '307', label: '307, temporary: keeps the method' },
  { value: '301', label: '301, moved: browsers may remember it' },
  { value: '308', label: '308, permanent: remembered, keeps the method' },
] as const

/** `id` keeps the ids of two forms apart. */
export function OptionFields({ bind, id }: { bind: BindOption; id: string }) {
  return (
    <>
      <Field
        {...bind('title')}
        id={`${id}title`}
        label="Title"
        hint="For you, in lists. Only a preview shows it to visitors."
      />
      <Field {...bind('tags')} id={`${id}tags`} label="Tags" hint="Separated by commas." />
      <Field
        {...bind('startsAt')}
        id={`${id}starts`}
        label="Starts"
        type="datetime-local"
        hint="Before this there is nothing at the link. Empty: at once."
      />
      <Field
        {...bind('expiresAt')}
        id={`${id}expires`}
        label="Ends"
        type="datetime-local"
        hint="After this the link answers “gone”. Empty: never."
      />
      <Field
        {...bind('maxClicks')}
        id={`${id}max-clicks`}
        label="Most clicks"
        inputMode="numeric"
        hint="After so many the link answers “gone”. Empty: no limit."
      />
      <Select
        {...bind('redirectStatus')}
        id={`${id}redirect-status`}
        label="Redirect status"
        options={statuses}
      />
      <Check
        {...bind('forwardQuery')}
        id={`${id}forward-query`}
        label="Hand on the query"
        hint="What follows a “?” in a visit is added to the target."
      />
    </>
  )
}
