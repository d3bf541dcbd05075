// Axes: linear or logarithmic range, round ticks; the same rules as axis.cc.
const LOG_RATIO = 10;  // values that span this factor or more are drawn on a logarithmic axis
const MARGIN = 0.06;

const canBeLog = (values) => values.length > 0 && d3.min(values) > 0;

// `log`: true, false or null (as the range asks). Returns {log, scale, ticks}; `range` is in pixels.
function makeAxis(values, tickCount, log, range) {
  let [low, high] = values.length > 0 ? d3.extent(values) : [0, 1];
  const useLog = low > 0 && (log === null ? high / low >= LOG_RATIO : log);
  if (useLog) {
    const factor = Math.pow(Math.max(high / low, 1.1), MARGIN);
    low /= factor;
    high *= factor;
    return { log: true, scale: d3.scale.log().domain([low, high]).range(range), ticks: logTicks(low, high, tickCount) };
  }
  let margin = (high - low) * MARGIN;
  if (margin <= Math.abs(high) * 1e-9) margin = Math.max(Math.abs(high) * 0.1, 1e-3);
  const positive = low >= 0;
  low = positive ? Math.max(low - margin, 0) : low - margin;
  high += margin;
  return { log: false, scale: d3.scale.linear().domain([low, high]).range(range), ticks: linearTicks(low, high, tickCount) };
}

function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const ratio = rough / power;  // 1 .. 10: the nearest of 1, 2, 5, 10 by ratio
  const step = power * (ratio < Math.SQRT2 ? 1 : ratio < Math.sqrt(10) ? 2 : ratio < Math.sqrt(50) ? 5 : 10);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) ticks.push(i * step);
  return ticks;
}

function logTicks(low, high, count) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const collect = (factors, stride) => {
    const ticks = [];
    for (let power = first; power <= last; ++power) {
      if (power % stride !== 0) continue;
      for (const factor of factors) {
        const tick = factor * Math.pow(10, power);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    return ticks;
  };
  for (const factors of [[1, 2, 5], [1, 3]]) {
    const ticks = collect(factors, 1);
    if (ticks.length < 2) return linearTicks(low, high, count);
    if (ticks.length <= count + 2) return ticks;
  }
  for (let stride = 1; ; ++stride) {
    const ticks = collect([1], stride);
    if (ticks.length <= count + 2) return ticks;
  }
}

// Draws grid lines and labels of both axes into `g`. Sizes in pixels.
function drawAxes(g, x, y, width, height, labelX, labelY) {
  const grid = g.append('g').attr('class', 'grid').attr('aria-hidden', 'true');
  const text = g.append('g').attr('class', 'ticks').attr('aria-hidden', 'true');
  x.ticks.forEach((tick) => {
    const at = x.scale(tick);
    grid.append('line').attr({ x1: at, x2: at, y1: 0, y2: height });
    text.append('text').attr({ x: at, y: height + 18, 'text-anchor': 'middle' }).text(labelX(tick));
  });
  y.ticks.forEach((tick) => {
    const at = y.scale(tick);
    grid.append('line').attr({ x1: 0, x2: width, y1: at, y2: at });
    text.append('text').attr({ x: -8, y: at, dy: '.32em', 'text-anchor': 'end' }).text(labelY(tick));
  });
  g.append('path').attr({ class: 'frame', d: `M0 0V${height}H${width}`, 'aria-hidden': 'true' });
}
