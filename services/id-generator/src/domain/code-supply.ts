// The codes an instance has at hand: reserved blocks of counter values, turned into codes a slice at a time, so that no
// call waits for a whole block to be computed. One block is in use and one is in reserve. Codes leave in one direction
// only: what a crash or a stop leaves here is burnt.

import type { CodeSpace } from '@linkfleet/short-code/code-space'
import type { ProtocolRules } from './rules.ts'

export interface Block {
  readonly shard: number
  readonly first: number
  readonly end: number
  readonly space: CodeSpace
}

export interface CodeSupply {
  /** `count` codes, or undefined when fewer are at hand; then none is taken. */
  take(count: number, nowMs: number): string[] | undefined
  add(block: Block, nowMs: number): void
  /** True when there is no block in reserve. */
  readonly wantsBlock: boolean
  /** How many values the next block should have: more after a block that was soon used up, fewer after one that lasted. */
  readonly blockValues: number
  readonly blocksLeft: number
  /** Reserved words among the values not yet turned into codes are counted too. */
  readonly codesLeft: number
}

/** About a millisecond of work. */
const SLICE_VALUES = 2048
const BLOCKS_WANTED = 2

interface OpenBlock extends Block {
  next: number
}

export function createCodeSupply(rules: ProtocolRules): CodeSupply {
  const blocks: OpenBlock[] = []
  let ready: string[] = []
  let readyTaken = 0
  let blockValues = rules.blockValuesAtStart
  /** Since when the first block is in use. */
  let openedAtMs = 0

  function refill(nowMs: number): boolean {
    const block = blocks[0]
    if (block === undefined) return false
    const end = Math.min(block.end, block.next + SLICE_VALUES)
    const codes = block.space.codes(block.shard, block.next, end)
    block.next = end
    ready = readyTaken === ready.length ? codes : [...ready.slice(readyTaken), ...codes]
    readyTaken = 0
    if (block.next === block.end) finishBlock(nowMs)
    return true
  }

  function finishBlock(nowMs: number): void {
    blocks.shift()
    const usedMs = nowMs - openedAtMs
    openedAtMs = nowMs
    if (usedMs <= rules.growWithinMs) blockValues = Math.min(rules.blockValuesMax, blockValues * 2)
    else if (usedMs > rules.shrinkAfterMs) blockValues = Math.max(rules.blockValuesMin, blockValues / 2)
  }

  return {
    take(count, nowMs) {
      while (ready.length - readyTaken < count) if (!refill(nowMs)) return undefined
      const codes = ready.slice(readyTaken, readyTaken + count)
      readyTaken += count
      return codes
    },
    add(block, nowMs) {
      if (blocks.length === 0) openedAtMs = nowMs
      blocks.push({ ...block, next: block.first })
    },
    get wantsBlock() {
      return blocks.length < BLOCKS_WANTED
    },
    get blockValues() {
      return blockValues
    },
    get blocksLeft() {
      return blocks.length
    },
    get codesLeft() {
      const inBlocks = blocks.reduce((sum, block) => sum + block.end - block.next, 0)
      return ready.length - readyTaken + inBlocks
    },
  }
}
