/** What every finder of a program gives and tells. */
export type Program = {
  path: string
  version: string
  /** For the table at the start: where it came from. */
  origin: string
}

/** What a fetch tells, and what ends it early. */
export type Fetching = { progress: Progress; signal?: AbortSignal | undefined }

/** Told once a fetch begins: the folder fills up to about this many bytes. */
export type Progress = (fetch: { engine: string; bytesTotal: number; folder: string }) => void
