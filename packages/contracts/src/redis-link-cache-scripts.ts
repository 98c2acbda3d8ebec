/**
 * The Lua scripts of the Redis link cache. Each runs atomically. On a cluster the KEYS of one call are of one hash tag, so
 * that they share a slot.
 * `redis-link-format.ts` tells what an entry and a mark are and why the rules hold.
 */
import { markStillMs } from './redis-link-format.ts'

/** Shared head: reads the mark, and the number that orders copies out of an entry. */
const readMark = `
local function read_mark(key)
  local text = redis.call('GET', key)
  if not text then return nil end
  local generation, timeline, watermark, floor, written =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+)$')
  if not generation then return nil end
  local run_id, written_at = string.match(written, '^(%w+)@(%d+)$')
  return { generation = tonumber(generation), timeline = tonumber(timeline), watermark = tonumber(watermark),
    floor = tonumber(floor), run_id = run_id, written_at = tonumber(written_at) }
end
`

/** Writes a mark, with the server and the moment on its clock that it was written by. */
const writeMark = `
local function server_run_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unknown'
end
local function now_ms()
  local seconds, micros = unpack(redis.call('TIME'))
  return seconds * 1000 + math.floor(micros / 1000)
end
local function write_mark(key, mark, run_id, now)
  redis.call('SET', key, string.format('%.0f %.0f %.0f %.0f %s@%.0f',
    mark.generation, mark.timeline, mark.watermark, mark.floor, run_id, now))
end
`

/** Reads each mark once, however many entries of its tag there are. */
const marksOnce = `
local marks = {}
local function mark_of(key)
  if marks[key] == nil then marks[key] = read_mark(key) or false end
  return marks[key]
end
`

/**
 * KEYS: entry and mark of each link. ARGV: TTL in ms, 'fill' or 'relay', then for each link its body and the generation
 * and watermark that the relay knows, '' for a fill.
 * Returns a digit for each link: 1 stored, 0 kept what was there, 2 refused by the floor (and anything older removed)
 * or as of a superseded timeline, 3 no mark, 4 another mark than the relay knows, 5 the entry cannot be read or
 * written. One link's trouble is not its neighbours'.
 */
const putLua = `${readMark}${marksOnce}
local ttl, relays = ARGV[1], ARGV[2] == 'relay'
local function put(key, mark, body, known_mark)
  if not mark then return relays and 4 or 3 end
  if relays and known_mark ~= string.format('%.0f %.0f', mark.generation, mark.watermark) then return 4 end
  local timeline, version, as_of = struct.unpack('>ddd', body)
  if timeline < mark.timeline then return 2 end
  local value, is_current = struct.pack('>Bd', 1, mark.generation) .. body, relays or as_of >= mark.floor
  if is_current then
    -- Mostly nothing is there: then it need not be read first.
    local made = redis.pcall('SET', key, value, 'PX', ttl, 'NX')
    if made then return made.err and 5 or 1 end
  end
  local existing = redis.pcall('GET', key)
  if type(existing) == 'table' then return 5 end
  local replaces = true
  if existing and #existing > 33 and string.byte(existing, 1) == 1 then
    local g, t, v, a = struct.unpack('>dddd', existing, 2)
    if t > timeline or (t == timeline and v > version) then return 0 end
    if t == timeline and v == version and g == mark.generation then
      if a >= as_of then return 0 end
      replaces = false
    end
  end
  if not is_current then
    if not replaces then return 0 end
    if existing then redis.call('DEL', key) end
    return 2
  end
  local written = redis.pcall('SET', key, value, 'PX', ttl)
  return written.err and 5 or 1
end
local outcomes = {}
for i = 1, #KEYS / 2 do
  outcomes[i] = put(KEYS[2 * i - 1], mark_of(KEYS[2 * i]), ARGV[2 * i + 1], ARGV[2 * i + 2])
end
return table.concat(outcomes)
`

/**
 * KEYS: entry and mark of each link. ARGV: timeline, version and the generation the relay knows, 24 bytes for each
 * link in one string. Returns a digit for each link: 1 when that copy or a newer one is there in that generation.
 */
const hasLua = `${readMark}${marksOnce}
local found, at = {}, 1
for i = 1, #KEYS / 2 do
  local timeline, version, generation
  timeline, version, generation, at = struct.unpack('>ddd', ARGV[1], at)
  local mark = mark_of(KEYS[2 * i])
  found[i] = 0
  if mark and mark.generation == generation and mark.timeline == timeline then
    local head = redis.pcall('GETRANGE', KEYS[2 * i - 1], 0, 24)
    if type(head) == 'string' and #head == 25 and string.byte(head, 1) == 1 then
      local g, t, v = struct.unpack('>ddd', head, 2)
      if g == generation and (t > timeline or (t == timeline and v >= version)) then found[i] = 1 end
    end
  end
end
return table.concat(found)
`

/**
 * KEYS: mark. ARGV: generation, timeline and watermark as the relay knows them, the new watermark.
 * Returns 1 when the mark moved (or was there already), 0 when anything differs or it stood still for too long: a new
 * generation is needed.
 */
const advanceLua = `${readMark}${writeMark}
local mark, run_id, now = read_mark(KEYS[1]), server_run_id(), now_ms()
if not mark or mark.generation ~= tonumber(ARGV[1]) or mark.timeline ~= tonumber(ARGV[2])
  or mark.watermark ~= tonumber(ARGV[3]) or mark.run_id ~= run_id
  or now - mark.written_at > ${markStillMs} then return 0 end
local watermark = tonumber(ARGV[4])
if watermark > mark.watermark then
  mark.watermark = watermark
  mark.floor = math.max(mark.floor, watermark)
  write_mark(KEYS[1], mark, run_id, now)
end
return 1
`

/**
 * KEYS: mark. ARGV: the generation wished for, timeline, floor in ms.
 * Returns the new generation, or -1 when the mark is of a later timeline: this relay is a superseded one.
 */
const renewLua = `${readMark}${writeMark}
local mark = read_mark(KEYS[1])
local generation, timeline, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if mark then
  if mark.timeline > timeline then return -1 end
  generation = math.max(generation, mark.generation + 1)
  floor = math.max(floor, mark.floor)
end
write_mark(KEYS[1], { generation = generation, timeline = timeline, watermark = 0, floor = floor },
  server_run_id(), now_ms())
return generation
`

export const linkCacheScripts = {
  linkfleetPut: { lua: putLua },
  linkfleetHas: { lua: hasLua },
  linkfleetAdvance: { numberOfKeys: 1, lua: advanceLua },
  linkfleetRenew: { numberOfKeys: 1, lua: renewLua },
} as const

/** As the client has them once they are defined. */
type Script<Answer> = (...args: (string | number | Buffer)[]) => Promise<Answer>

export interface LinkCacheScripts {
  linkfleetPut: Script<string>
  linkfleetHas: Script<string>
  linkfleetAdvance: Script<number>
  linkfleetRenew: Script<number>
}
