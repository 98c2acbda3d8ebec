/** A few options of which one holds: radio buttons that look like one switch. */
export function Choice<T extends string>(props: {
  label: string
  name: string
  options: readonly { readonly value: T; readonly label: string }[]
  value: T
  onChoose: (value: T) => void
}) {
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">{props.label}</legend>
      {props.options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={props.name}
            value={option.value}
            checked={option.value === props.value}
            onChange={() => props.onChoose(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  )
}
