// The world that a script finds: see the package's comment. It is called before every script, with the time at which the
// script's clock starts, and returns what the engine calls afterwards. Whatever it uses later it takes hold of now, since
// the script may replace any global.
(function (start) {
'use strict'
var global = globalThis, host = {}, offered = ['sort', 'log', 'atob', 'btoa', 'hmac', 'underscore']
for (var h = 0; h < offered.length; h++) {
  host[offered[h]] = global['espalier_' + offered[h]]
  delete global['espalier_' + offered[h]]
}

var stringify = JSON.stringify, parse = JSON.parse, isArray = Array.isArray, keys = Object.keys
var define = Object.defineProperty, construct = Reflect.construct
var includes = Function.prototype.call.bind(String.prototype.includes)

function hide(object, name, value) {
  define(object, name, { value: value, writable: true, configurable: true, enumerable: false })
}

// What a script could wait or share with.
var gone = ['Atomics', 'SharedArrayBuffer']
for (var g = 0; g < gone.length; g++) delete global[gone[g]]

// JSON

function sortedJSON(text) {
  return text !== undefined && includes(text, '{') ? host.sort(text) : text
}

hide(JSON, 'stringify', function stringifySorted(value, replacer, space) {
  var text = stringify(value, replacer, space)
  var blank = typeof space !== 'string' || /^\s*$/.test(space)
  return blank ? sortedJSON(text) : text
})

// settled is a replacer that makes of any value what leaves a script: see the package's comment. It runs for every value
// of a result, so what is common comes first.
function settled(key, value) {
  var kind = typeof value
  if (kind === 'string' || kind === 'number' || kind === 'boolean') return value
  if (kind === 'object') return isArray(value) ? dense(value) : value
  if (kind === 'function') return {}
  return kind === 'bigint' ? Number(value) : null
}

// leaving is the JSON of a value that leaves the script. A date has no members of its own.
function leaving(value, gap) {
  var dateJSON = proto.toJSON
  hide(proto, 'toJSON', undefined)
  try {
    return stringify(value, settled, gap)
  } finally {
    hide(proto, 'toJSON', dateJSON)
  }
}

// dense drops what is absent or undefined from a list.
function dense(list) {
  var i = 0
  while (i < list.length && list[i] !== undefined) i++
  if (i === list.length) return list
  var out = []
  for (i = 0; i < list.length; i++) {
    if (list[i] !== undefined) push(out, list[i])
  }
  return out
}

// push adds to a list whatever the script has done to lists.
function push(list, value) {
  define(list, list.length, { value: value, writable: true, configurable: true, enumerable: true })
}

// absent puts undefined in the place of every null.
function absent(value) {
  if (value === null) return undefined
  if (typeof value !== 'object') return value
  if (isArray(value)) {
    for (var i = 0; i < value.length; i++) value[i] = absent(value[i])
    return value
  }
  var names = keys(value)
  for (var k = 0; k < names.length; k++) {
    var member = value[names[k]]
    if (member === null || typeof member === 'object') put(value, names[k], absent(member))
  }
  return value
}

// hideful sets a member of any name, __proto__ too.
function put(object, name, value) {
  if (name === '__proto__') define(object, name, { value: value, writable: true, configurable: true, enumerable: true })
  else object[name] = value
}

// Dates: in UTC, from the given clock, read and written the old way.

var Instant = Date, began = Instant.now(), UTC = Instant.UTC
var form = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?)?$/
var slashed = /^(\d{4})\/(\d\d)(?:\/(\d\d)(?: (\d\d):(\d\d):(\d\d))?)?$/
var printed = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d\d):(\d\d):(\d\d) (?:UTC|GMT)$/
var months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
var exec = Function.prototype.call.bind(RegExp.prototype.exec)

function now() {
  return start + (Instant.now() - began)
}

// The engine reads these as this world does, and faster.
var plainly = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])(?:T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z)?$/
var readInstant = Instant.parse
hide(plainly, 'test', RegExp.prototype.test)
hide(plainly, 'exec', RegExp.prototype.exec)

function readDate(text) {
  if (plainly.test(text)) return readInstant(text)
  var m = exec(form, text) || exec(slashed, text)
  if (m) return instant(+m[1], +(m[2] || 1), +(m[3] || 1), +(m[4] || 0), +(m[5] || 0), +(m[6] || 0), m[7], m[8])
  if ((m = exec(printed, text))) return instant(+m[3], months.indexOf(m[2]) + 1, +m[1], +m[4], +m[5], +m[6])
  return NaN
}

function instant(year, month, day, hour, minute, second, fraction, zone) {
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return NaN
  var t = new Instant(0)
  setUTCFullYear(t, year, month - 1, day)
  if (getUTCDate(t) !== day) return NaN
  var ms = getTime(t) + ((hour * 60 + minute) * 60 + second) * 1000 + Math.floor(+('0.' + (fraction || 0)) * 1000 + 1e-9)
  return ms - offset(zone)
}

function offset(zone) {
  if (!zone || zone === 'Z') return 0
  var minutes = +(zone[1] + zone[2]) * 60 + +(zone[zone.length - 2] + zone[zone.length - 1])
  return (zone[0] === '-' ? -minutes : minutes) * 60000
}

var proto = Instant.prototype
var uncurry = Function.prototype.call.bind(Function.prototype.bind, Function.prototype.call)
var getTime = uncurry(proto.getTime), getUTCDate = uncurry(proto.getUTCDate)
var setUTCFullYear = uncurry(proto.setUTCFullYear), toISO = uncurry(proto.toISOString), toUTC = uncurry(proto.toUTCString)

function Clock(first) {
  if (!new.target) return clockText(new Instant(now()))
  var t, count = arguments.length
  if (count === 0) t = now()
  else if (count > 1) t = UTC.apply(null, arguments)
  else if (typeof first === 'string') t = readDate(first)
  else if (first instanceof Instant) t = getTime(first)
  else {
    if (first !== null && typeof first === 'object') first = typeof first.valueOf() === 'object' ? String(first) : first.valueOf()
    t = typeof first === 'string' ? readDate(first) : Number(first)
  }
  return new.target === Clock ? new Instant(t) : construct(Instant, [t], new.target)
}

// clockText is Mon, 02 Jan 2006 15:04:05 UTC.
function clockText(date) {
  return toUTC(date).replace('GMT', 'UTC')
}

// shown makes a method that writes a date unless it is invalid.
function shown(name, write) {
  hide(proto, name, function () { return isNaN(getTime(this)) ? 'Invalid Date' : write(this) })
}

define(Clock, 'name', { value: 'Date' })
define(Clock, 'length', { value: 7 })
define(Clock, 'prototype', { value: proto, writable: false, enumerable: false, configurable: false })
hide(Clock, 'now', now)
hide(Clock, 'parse', function parse(text) { return readDate(String(text)) })
hide(Clock, 'UTC', UTC)
hide(proto, 'constructor', Clock)
hide(global, 'Date', Clock)

var parts = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds']
for (var p = 0; p < parts.length; p++) {
  hide(proto, 'get' + parts[p], proto['getUTC' + parts[p]])
  if (parts[p] !== 'Day') hide(proto, 'set' + parts[p], proto['setUTC' + parts[p]])
}
hide(proto, 'getTimezoneOffset', function getTimezoneOffset() { return isNaN(getTime(this)) ? NaN : 0 })
hide(proto, 'getYear', function getYear() { return this.getUTCFullYear() - 1900 })
shown('toISOString', toISO)
shown('toString', clockText)
shown('toDateString', function (d) { return clockText(d).slice(0, -13) })
shown('toTimeString', function (d) { return clockText(d).slice(-12) })
shown('toLocaleString', function (d) { return toISO(d).slice(0, -14) + ' ' + toISO(d).slice(-13, -5) })
shown('toLocaleDateString', function (d) { return toISO(d).slice(0, -14) })
shown('toLocaleTimeString', function (d) { return toISO(d).slice(-13, -5) })

// Numbers

var toFixed = uncurry(Number.prototype.toFixed), powers = []
for (var d = 1; d <= 21; d++) powers[d] = Math.pow(2, d)

// A tie is a number that ends in a 5 right after the last digit asked for; its double holds it exactly only if it is a
// whole number of the matching power of two.
hide(Number.prototype, 'toFixed', function toFixedEven(digits) {
  var x = Number(this), d = digits === undefined ? 0 : ~~digits
  if (d < 0 || d > 20 || (x * powers[d + 1]) % 1 !== 0) return toFixed(x, d)
  var longer = toFixed(x, d + 1)
  if (longer[longer.length - 1] !== '5' || x >= 1e21 || x <= -1e21) return toFixed(x, d)
  var shorter = longer.slice(0, -1)
  if (d === 0) shorter = shorter.slice(0, -1)
  return (shorter.charCodeAt(shorter.length - 1) & 1) === 0 ? shorter : toFixed(x, d)
})

var seed = (start % 4294967296) >>> 0

hide(Math, 'random', function random() {
  seed = (seed + 0x6D2B79F5) >>> 0
  var t = Math.imul(seed ^ (seed >>> 15), seed | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
})

// Regular expressions: flags at the front of a pattern, as RE2 has them.

var Pattern = RegExp

function FlaggedPattern(pattern, flags) {
  var m = typeof pattern === 'string' ? exec(/^\(\?([ims]+)\)/, pattern) : null
  if (m) {
    pattern = pattern.slice(m[0].length)
    flags = flags === undefined ? '' : String(flags)
    for (var i = 0; i < m[1].length; i++) if (!includes(flags, m[1][i])) flags += m[1][i]
  }
  if (!new.target) return Pattern(pattern, flags)
  return construct(Pattern, [pattern, flags], new.target)
}

define(FlaggedPattern, 'name', { value: 'RegExp' })
define(FlaggedPattern, 'prototype', { value: Pattern.prototype, writable: false, enumerable: false, configurable: false })
hide(Pattern.prototype, 'constructor', FlaggedPattern)
hide(global, 'RegExp', FlaggedPattern)

// What the host adds

// entry is a value as JSON, indented; its lines but the first one level more. What can't be shown must not fail the script.
function entry(value) {
  try {
    return sortedJSON(leaving({ '': value }, 2).slice(8, -2))
  } catch (e) {
    return '"[' + e.message + ']"'
  }
}

function logger(kind) {
  return function () {
    var plain = true, texts = []
    for (var i = 0; i < arguments.length; i++) {
      var v = arguments[i]
      plain = plain && (v === null || (typeof v !== 'object' && typeof v !== 'function'))
      push(texts, entry(v))
    }
    host.log(kind, plain, stringify(texts))
  }
}

hide(global, 'console', { log: logger('log'), dir: logger('dir') })
hide(global, 'atob', function atob(text) {
  var plain = host.atob(String(text))
  if (plain === null) throw new Error('atob was given what is not base64')
  return plain
})
hide(global, 'btoa', function btoa(text) { return host.btoa(String(text)) })
hide(global, 'hashHmac', function hashHmac(algorithm, text, key) {
  var sum = host.hmac(String(algorithm), String(text), String(key))
  if (sum === null) throw new Error('hashHmac knows sha256, sha512, sha1 and md5, and was given ' + algorithm)
  return sum
})

// Most of what a script costs beyond itself is Underscore, so only who asks for it gets it.
define(global, '_', {
  configurable: true,
  enumerable: false,
  get: function () {
    host.underscore()
    hide(global, '_', global.espalier_library)
    delete global.espalier_library
    return global._
  },
  set: function (v) { hide(global, '_', v) }
})

var rows = []

hide(global, 'getIterator', function getIterator(list) {
  return { Each: function (visit) { for (var i = 0; i < list.length; i++) visit(list[i], i) } }
})

hide(global, 'appendToResult', function appendToResult(value) {
  if (!isArray(value)) return push(rows, value)
  for (var i = 0; i < value.length; i++) push(rows, value[i])
})

return {
  bind: function (name, json, nulls) {
    var value = parse(json)
    define(global, name, { value: nulls ? absent(value) : value, writable: true, configurable: true, enumerable: true })
  },
  result: function (value) {
    if (rows.length) value = rows
    return leaving(value)
  }
}
})
