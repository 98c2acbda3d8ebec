/** Takes the frames of single clicks, one after the other, apart. */
export function splitFrames(together: Buffer): Buffer[] {
  const frames: Buffer[] = []
  let at = 0
  while (at < together.length) {
    // A frame is a tag, the length as a varint of at most two bytes, and so many bytes.
    const low = together[at + 1]!
    const wide = low > 0x7f
    const bytes = wide ? (low & 0x7f) | (together[at + 2]! << 7) : low
    const end = at + (wide ? 3 : 2) + bytes
    frames.push(together.subarray(at, end))
    at = end
  }
  return frames
}

/** The sequence of the click in a frame: its first field, since no click has the sequence 0, which is left out. */
export function sequenceOfFrame(frame: Buffer): number {
  // The tag and the length of the click, and the tag of the sequence, stand before it.
  let at = frame[1]! > 0x7f ? 4 : 3
  let sequence = 0
  for (let weight = 1; ; weight *= 0x80) {
    const byte = frame[at]!
    sequence += (byte & 0x7f) * weight
    if (byte < 0x80 || weight > 2 ** 48) return sequence
    at += 1
  }
}
