/** What the tests of the repository read out of sources, by a real parser. */
import { posix } from 'node:path'
import { parseSync } from 'vite'

/** As much of ESTree as is walked here. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

export interface Parsed {
  readonly program: Node
  readonly lineAt: (offset: number) => number
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'

export function parse(path: string, text: string): Parsed {
  const result = parseSync(path, text)
  const [problem] = result.errors
  if (problem !== undefined) throw new Error(`${path}: ${problem.message}`)
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  const lineAt = (offset: number): number => {
    let low = 0
    for (let high = starts.length; high - low > 1; ) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
  return { program: result.program as unknown as Node, lineAt }
}

/** Every node with its ancestors, the nearest last. */
export function* walk(program: Node): Generator<[Node, readonly Node[]]> {
  const waiting: [Node, readonly Node[]][] = [[program, []]]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next
    const [node, ancestors] = next
    const children = Object.values(node).flat().filter(isNode)
    if (children.length === 0) continue
    const inner = [...ancestors, node]
    for (const child of children.reverse()) waiting.push([child, inner])
  }
}

/** The text of a string literal or of a template without expressions. */
export function stringOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node.type === 'TemplateLiteral') {
    const quasis = node.quasis as readonly { value: { cooked: string } }[]
    return quasis.length === 1 ? quasis[0]?.value.cooked : undefined
  }
  if (node.type === 'BinaryExpression' && node.operator === '+') {
    const left = stringOf(node.left)
    const right = stringOf(node.right)
    return left === undefined || right === undefined ? undefined : left + right
  }
  return undefined
}

export interface ImportedModule {
  /** A package's specifier, or a relative one as path from the root. */
  readonly to: string
  /** Types strip away: such an import does not load the module. */
  readonly typeOnly: boolean
}

export function importsOf(path: string, text: string): ImportedModule[] {
  const found: ImportedModule[] = []
  for (const [node] of walk(parse(path, text).program)) {
    if (!/^(ImportDeclaration|ImportExpression|Export(All|Named)Declaration)$/.test(node.type)) continue
    const specifier = stringOf(node.source)
    if (specifier === undefined) continue
    found.push({
      to: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier,
      typeOnly: node.importKind === 'type' || node.exportKind === 'type',
    })
  }
  return found
}

export interface FunctionSize {
  readonly line: number
  readonly lines: number
}

/**
 * Functions with the lines that are their own. A function that makes others and returns them is a class by another name:
 * those inside are measured by themselves. A suite's body is a list of tests, not a function in the sense of the rule.
 */
export function functionsOf(path: string, text: string): FunctionSize[] {
  const { program, lineAt } = parse(path, text)
  const own = new Map<Node, Set<number>>()
  for (const [node, ancestors] of walk(program)) {
    if (!/Function(Expression|Declaration)$/.test(node.type) || isSuite(ancestors.at(-1))) continue
    own.set(node, new Set(range(lineAt(node.start), lineAt(node.end))))
    const outer = ancestors.findLast((ancestor) => own.has(ancestor))
    // The lines on which an inner function begins and ends are shared with its surroundings.
    const inside = range(lineAt(node.start) + 1, lineAt(node.end) - 1)
    if (outer !== undefined) for (const line of inside) own.get(outer)?.delete(line)
  }
  return [...own].map(([node, lines]) => ({ line: lineAt(node.start), lines: lines.size }))
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)

function isSuite(parent: Node | undefined): boolean {
  let callee = parent?.type === 'CallExpression' ? parent.callee : undefined
  while (isNode(callee) && callee.type !== 'Identifier') callee = callee.object ?? callee.callee
  return isNode(callee) && callee.name === 'describe'
}
