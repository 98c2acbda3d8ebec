/** Takes pieces of a batch apart into the frames of single clicks. */
export function splitFrames(pieces: readonly Buffer[]): Buffer[] {
  const frames: Buffer[] = []
  for (const piece of pieces) {
    let at = 0
    while (at < piece.length) {
      // A frame is a tag, the length as a varint of at most two bytes, and so many bytes.
      const low = piece[at + 1]!
      const wide = low > 0x7f
      const bytes = wide ? (low & 0x7f) | (piece[at + 2]! << 7) : low
      const end = at + (wide ? 3 : 2) + bytes
      frames.push(piece.subarray(at, end))
      at = end
    }
  }
  return frames
}
