/** Where a failed call carries what our errors say beside the status. */
export const errorCodeKey = 'linkfleet-error-code'
export const errorFieldKey = 'linkfleet-error-field'
