// Numbers and words for people; the same rules as format.cc.
const NBSP = '\u00a0';
const isCount = (unit) => unit === '' || unit === '1';

const thousands = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ',');

function threeDigits(value) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return thousands(value.toFixed(0));
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 2 - Math.floor(Math.log10(size)));
}
const roundToThree = (value) => Number(value.toExponential(2));

function scaleCount(value) {
  for (const [factor, prefix] of [[1e15, 'P'], [1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (Math.abs(value) >= factor) return [value / factor, prefix];
  }
  return [value, ''];
}

function scaleUnit(value, unit) {
  const size = Math.abs(value);
  if (isCount(unit)) return scaleCount(value);
  if (unit === 'ms' && size >= 1e4) return [value / 1e3, 's'];
  if (unit === 'ms' && size > 0 && size < 0.1) return [value * 1e3, 'µs'];
  if (unit === 'MiB' && size >= 10240) return [value / 1024, 'GiB'];
  if (unit === 'MiB' && size > 0 && size < 0.1) return [value * 1024, 'KiB'];
  return [value, unit];
}

// "12.4 M", "35.1 ms", "201 MiB"
function human(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (isCount(unit) && Number.isInteger(value) && Math.abs(value) < 1000) return String(value);
  const [scaled, name] = scaleUnit(roundToThree(value), unit);
  const digits = threeDigits(roundToThree(scaled));
  return name === '' ? digits : digits + NBSP + name;
}

// Both ends with as many digits, at least three, as tell them apart: ["350.8 MiB", "351.2 MiB"].
function humanEnds(low, high, unit) {
  for (let digits = 3; digits <= 6; ++digits) {
    const ends = [low, high].map((end) => {
      const [scaled, name] = scaleUnit(end, unit);
      if (digits === 3) return human(end, unit);
      return Number(scaled.toPrecision(digits)).toLocaleString('en', { maximumFractionDigits: 6 }) + (name === '' ? '' : NBSP + name);
    });
    if (ends[0] !== ends[1] || low === high || digits === 6) return ends;
  }
  return [];
}
// "35.1–36.0 ms": the unit once where both ends share it, and not at all where it is that of the value above (`under`).
function humanRange(low, high, unit, under) {
  const [a, b] = humanEnds(low, high, unit).map((end) => end.split(NBSP));
  if (a[1] !== b[1]) return a.join(NBSP) + '–' + b.join(NBSP);
  const bare = under !== undefined && human(under, unit).split(NBSP)[1] === b[1];
  return `${a[0]}–${bare ? b[0] : b.join(NBSP)}`;
}

function tickLabel(value, unit) {
  const trimmed = (v, digits) => String(Number(v.toPrecision(digits)));
  if (isCount(unit)) {
    const [scaled, prefix] = scaleCount(value);
    return trimmed(scaled, 4) + (prefix === '' ? '' : NBSP + prefix);
  }
  if (Math.abs(value) >= 1e4) return thousands(String(Math.round(value)));
  return trimmed(value, 6);
}

function humanSeconds(seconds) {
  if (seconds < 60) return threeDigits(roundToThree(seconds)) + NBSP + 's';
  const total = Math.round(seconds);
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const parts = h > 0 ? [h + NBSP + 'h', m + NBSP + 'min'] : [m + NBSP + 'min', s + NBSP + 's'];
  return parts.filter((part) => !part.startsWith('0')).join(' ');
}

// "2026-03-01T12:00:00Z" -> "2026-03-01 12:00 UTC"
function humanDate(utc) {
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})/.exec(utc);
  return match ? `${match[1]} ${match[2]} UTC` : utc;
}

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const asUnit = (column) => (isCount(column.unit) ? '' : ` (${column.unit})`);
// "Latency" inside a sentence; "TTFT" stays.
const lower = (title) => (/^.[a-z]/.test(title) ? title[0].toLowerCase() + title.slice(1) : title);

// An element with attributes and children; text is always text, never markup.
function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const key of Object.keys(attributes || {})) {
    if (attributes[key] !== null && attributes[key] !== undefined) node.setAttribute(key, attributes[key]);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
