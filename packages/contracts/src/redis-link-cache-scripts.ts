/**
 * The Lua scripts of the Redis link cache. Each runs atomically on one hash tag: KEYS of one script share a slot.
 * `redis-link-cache.ts` tells what an entry and a mark are and why the rules hold.
 */

/** Shared head: reads the mark, and the number that orders copies out of an entry. */
const readMark = `
local function read_mark(key)
  local text = redis.call('GET', key)
  if not text then return nil end
  local generation, timeline, watermark, floor, run_id =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%S+)$')
  if not generation then return nil end
  return { generation = tonumber(generation), timeline = tonumber(timeline),
    watermark = tonumber(watermark), floor = tonumber(floor), run_id = run_id }
end
local function write_mark(key, mark)
  redis.call('SET', key, string.format('%.0f %.0f %.0f %.0f %s',
    mark.generation, mark.timeline, mark.watermark, mark.floor, mark.run_id))
end
local function server_run_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unknown'
end
`

/**
 * KEYS: entry, mark. ARGV: body, TTL in ms, 'fill' or 'relay', the generation the relay knows ('' for a fill).
 * Returns 1 stored, 0 kept what was there, 2 refused by the floor (and anything older removed) or as of a superseded timeline, 3 no mark,
 * 4 another generation than the relay's.
 */
const putLua = `${readMark}
local mark = read_mark(KEYS[2])
if not mark then
  if ARGV[3] == 'relay' then return 4 end
  return 3
end
if ARGV[3] == 'relay' and tonumber(ARGV[4]) ~= mark.generation then return 4 end
local timeline, version, as_of = struct.unpack('>ddd', ARGV[1])
if timeline < mark.timeline then return 2 end
local existing = redis.call('GET', KEYS[1])
local replaces = true
if existing and #existing > 33 and string.byte(existing, 1) == 1 then
  local g, t, v, a = struct.unpack('>dddd', string.sub(existing, 2, 33))
  if t > timeline or (t == timeline and v > version) then return 0 end
  if t == timeline and v == version and g == mark.generation and a >= as_of then return 0 end
  if t == timeline and v == version and g == mark.generation then replaces = false end
end
if ARGV[3] == 'fill' and as_of < mark.floor then
  if not replaces then return 0 end
  if existing then redis.call('DEL', KEYS[1]) end
  return 2
end
redis.call('SET', KEYS[1], struct.pack('>Bd', 1, mark.generation) .. ARGV[1], 'PX', ARGV[2])
return 1
`

/**
 * KEYS: mark. ARGV: generation, timeline and watermark as the relay knows them, the new watermark.
 * Returns 1 when the mark moved (or was there already), 0 when anything differs: a new generation is needed.
 */
const advanceLua = `${readMark}
local mark = read_mark(KEYS[1])
if not mark or mark.generation ~= tonumber(ARGV[1]) or mark.timeline ~= tonumber(ARGV[2])
  or mark.watermark ~= tonumber(ARGV[3]) or mark.run_id ~= server_run_id() then return 0 end
local watermark = tonumber(ARGV[4])
if watermark > mark.watermark then
  mark.watermark = watermark
  mark.floor = math.max(mark.floor, watermark)
  write_mark(KEYS[1], mark)
end
return 1
`

/**
 * KEYS: mark. ARGV: the generation wished for, timeline, floor in ms.
 * Returns the new generation, or -1 when the mark is of a later timeline: this relay is a superseded one.
 */
const renewLua = `${readMark}
local mark = read_mark(KEYS[1])
local generation, timeline, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if mark then
  if mark.timeline > timeline then return -1 end
  generation = math.max(generation, mark.generation + 1)
  floor = math.max(floor, mark.floor)
end
write_mark(KEYS[1], { generation = generation, timeline = timeline, watermark = 0, floor = floor,
  run_id = server_run_id() })
return generation
`

export const linkCacheScripts = {
  linkfleetPut: { numberOfKeys: 2, lua: putLua },
  linkfleetAdvance: { numberOfKeys: 1, lua: advanceLua },
  linkfleetRenew: { numberOfKeys: 1, lua: renewLua },
} as const
