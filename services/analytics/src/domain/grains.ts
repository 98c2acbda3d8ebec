/** The intervals that clicks are summed by. */
export const grainsSeconds = { minute: 60, hour: 3_600, day: 86_400 } as const

/** Stands for the grain of the fleet's row of all time. */
export const allTimeSeconds = 0

export type Grain = keyof typeof grainsSeconds

export const minuteMs = grainsSeconds.minute * 1000
/** Of UTC, where no day is longer or shorter than the others. */
export const dayMs = grainsSeconds.day * 1000
