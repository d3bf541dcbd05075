// The main chart: one pair of objectives, every evaluated member, the front with its intervals; and the small pictures
// of all pairs that choose among them.
const chart = { svg: null, points: null, roving: null, drawn: [] };

const xOf = (member, pair) => (pair.x < 0 ? member.index + 1 : numberOf(member, pair.x));
const titleOf = (objective) => (objective < 0 ? 'Order of evaluation' : objectives[objective].title);
const pairTitle = (pair) => (pair.x < 0 ? `${titleOf(pair.y)} over the search` : `${titleOf(pair.y)} against ${lower(titleOf(pair.x))}`);
const maximizes = (objective) => objective >= 0 && objectives[objective].maximize;

// Values that the axes must cover: every member, and the intervals of the front.
function extentOf(objective, drawn) {
  if (objective < 0) return drawn.map((member) => member.index + 1);
  const values = drawn.map((member) => numberOf(member, objective));
  drawn.filter((member) => member.on_front || member.near_tie).forEach((member) => {
    const cell = member.values[objective];
    if (hasInterval(cell)) values.push(cell.lo, cell.hi);
  });
  return values;
}

// The step line from the best x to the best y and on to the worst ends of both.
function stairPath(stairs, pair, x, y, width, height) {
  if (stairs.length === 0) return '';
  const yEnd = maximizes(pair.y) ? height : 0;
  const xEnd = maximizes(pair.x) ? 0 : width;
  const at = (value) => Math.round(value * 10) / 10;
  const steps = stairs.map((member) => `H${at(x(xOf(member, pair)))}V${at(y(numberOf(member, pair.y)))}`);
  return `M${at(x(xOf(stairs[0], pair)))} ${yEnd}${steps.join('')}H${xEnd}`;
}
// With one objective: how the best value improved.
function stairsOf(pair, count) {
  if (pair.x >= 0) return staircase(pair.x, pair.y, count);
  const stairs = [];
  members.slice(0, count).forEach((member) => {
    if (!member.ranked) return;
    if (stairs.length === 0 || member.costs[pair.y] < stairs[stairs.length - 1].costs[pair.y]) stairs.push(member);
  });
  return stairs;
}

function axisTitle(objective) {
  if (objective < 0) return titleOf(objective);
  return `${titleOf(objective)}${asUnit(objectives[objective])}`;
}
const betterText = (objective) => (maximizes(objective) ? 'more is better' : 'less is better');

function drawChart() {
  const container = document.getElementById('chart');
  const focused = container.contains(document.activeElement);
  container.replaceChildren();
  chart.svg = null;
  const pair = pairs[state.pair];
  const drawn = pair ? members.filter((member) => numberOf(member, pair.y) !== null && xOf(member, pair) !== null) : [];
  if (drawn.length === 0) {
    container.append(element('p', { class: 'empty' }, members.length === 0 ? 'No decoder has been evaluated yet.' :
      'No decoder has a number to draw.'));
    return;
  }
  const outer = Math.max(240, container.clientWidth);
  const narrow = outer < 560;
  const margin = { top: 26, right: 14, bottom: 50, left: narrow ? 50 : 62 };
  const width = outer - margin.left - margin.right;
  const height = Math.max(230, Math.min(440, Math.round(outer * 0.6))) - margin.top;
  const xValues = extentOf(pair.x, drawn);
  const yValues = extentOf(pair.y, drawn);
  const x = makeAxis(xValues, Math.max(3, Math.round(width / 90)), pair.x < 0 ? false : state.logX, [0, width]);
  const y = makeAxis(yValues, Math.max(3, Math.round(height / 60)), state.logY, [height, 0]);

  const svg = d3.select(container).append('svg').attr({
    width: outer, height: height + margin.top + margin.bottom, class: 'front-chart', role: 'group',
    'aria-label': `Chart: ${pairTitle(pair)}`,
  });
  const g = svg.append('g').attr('transform', `translate(${margin.left},${margin.top})`);
  drawAxes(g, x, y, width, height, (tick) => tickLabel(tick, pair.x < 0 ? '' : objectives[pair.x].unit),
    (tick) => tickLabel(tick, objectives[pair.y].unit));
  const captions = g.append('g').attr({ class: 'captions', 'aria-hidden': 'true' });
  captions.append('text').attr({ x: width, y: height + 40, 'text-anchor': 'end' }).text(axisTitle(pair.x))
    .append('tspan').attr('class', 'better').text(pair.x < 0 ? '' : ` · ${betterText(pair.x)}${x.log && !narrow ? ' · log' : ''}`);
  captions.append('text').attr({ x: -margin.left + 4, y: -12 }).text(axisTitle(pair.y))
    .append('tspan').attr('class', 'better').text(` · ${betterText(pair.y)}${y.log && !narrow ? ' · log' : ''}`);

  const area = g.append('path').attr({ class: 'area', 'aria-hidden': 'true' });
  const step = g.append('path').attr({ class: 'step', 'aria-hidden': 'true' });
  const caps = g.append('g').attr({ class: 'cap-areas', 'aria-hidden': 'true' });
  const bars = g.append('g').attr({ class: 'bars', 'aria-hidden': 'true' });
  const ringSelected = g.append('circle').attr({ class: 'ring selected', r: 9, 'aria-hidden': 'true' });
  const points = g.append('g').attr({
    class: 'points', role: 'listbox', 'aria-label': `${pairTitle(pair)}: decoders. Left and right arrows follow the front, up and down pass through all, Enter selects.`,
  });
  const ringActive = g.append('circle').attr({ class: 'ring active', r: 9, 'aria-hidden': 'true' });

  // The front last, so that it lies on top.
  const ordered = drawn.slice().sort((a, b) => a.on_front - b.on_front || a.near_tie - b.near_tie || a.index - b.index);
  const cx = (member) => x.scale(xOf(member, pair));
  const cy = (member) => y.scale(numberOf(member, pair.y));
  const nodes = points.selectAll('.pt').data(ordered).enter()
    .append((member) => document.createElementNS('http://www.w3.org/2000/svg', member.ranked ? 'circle' : 'path'))
    .attr({ role: 'option', tabindex: -1, 'aria-label': memberLabel })
    .each(function place(member) {
      member.node = this;
      if (member.ranked) {
        this.setAttribute('cx', cx(member));
        this.setAttribute('cy', cy(member));
      } else {
        this.setAttribute('d', `M${cx(member) - 3} ${cy(member) - 3}l6 6m0-6l-6 6`);
      }
    });

  Object.assign(chart, { svg, g, points: nodes, drawn, pair, x: x.scale, y: y.scale, cx, cy, area, step, caps, bars,
    ringSelected, ringActive, width, height, left: margin.left, top: margin.top });
  const logX = document.getElementById('log-x');
  const logY = document.getElementById('log-y');
  logX.setAttribute('aria-pressed', x.log);
  logY.setAttribute('aria-pressed', y.log);
  logX.disabled = pair.x < 0 || !canBeLog(xValues);
  logY.disabled = !canBeLog(yValues);
  svg.on('mousemove', () => pointAt(d3.mouse(g.node())))
    .on('mouseleave', () => change('active', null))
    .on('click', () => {
      const member = nearest(d3.mouse(g.node()));
      if (!member) return;
      setRoving(member);
      change('selected', member);
      change('active', { member, anchor: member.node });
    });
  updateChart();
  shadeCaps();
  const start = chart.roving && drawn.includes(chart.roving) ? chart.roving :
    visibleFront().find((member) => member === state.selected) || visibleFront()[0] || drawn[0];
  setRoving(start);
  if (focused && chart.roving) chart.roving.node.focus({ preventScroll: true });
}

// Smaller where many share the room.
const frontRadius = frontMembers.length <= 60 ? 5 : frontMembers.length <= 150 ? 4 : 3.3;

// Drawn large, with its intervals: the front and its near-ties.
const isMarkedAt = (member, count) => onFrontAt(member, count) || nearTieAt(member, count);

// What changes with the replayed moment and the selection; positions stay.
function updateChart() {
  if (!chart.svg) return;
  const { pair, cx, cy, width, height } = chart;
  const count = state.count;
  chart.points.attr('class', (member) => {
    const kind = !member.ranked ? 'cross' : onFrontAt(member, count) ? 'front' : nearTieAt(member, count) ? 'tie' : 'dot';
    return `pt ${kind}${member.index < count ? '' : ' future'}`;
  }).attr('r', (member) => (member.ranked ? (isMarkedAt(member, count) ? frontRadius : 2.4) : null))
    .attr('aria-selected', (member) => member === state.selected);
  const path = stairPath(stairsOf(pair, count), pair, chart.x, chart.y, width, height);
  chart.step.attr('d', path);
  chart.area.attr('d', path === '' ? '' : `${path}V${maximizes(pair.y) ? height : 0}Z`);

  const bars = [];
  chart.drawn.filter((member) => member.index < count && isMarkedAt(member, count)).forEach((member) => {
    const [h, v] = [pair.x < 0 ? null : member.values[pair.x], member.values[pair.y]];
    if (hasInterval(h)) {
      const [a, b] = [chart.x(h.lo), chart.x(h.hi)];
      bars.push({ noisy: h.noisy, d: `M${a} ${cy(member)}H${b}M${a} ${cy(member) - 4}v8M${b} ${cy(member) - 4}v8` });
    }
    if (hasInterval(v)) {
      const [a, b] = [chart.y(v.lo), chart.y(v.hi)];
      bars.push({ noisy: v.noisy, d: `M${cx(member)} ${a}V${b}M${cx(member) - 4} ${a}h8M${cx(member) - 4} ${b}h8` });
    }
  });
  const selection = chart.bars.selectAll('path').data(bars);
  selection.enter().append('path');
  selection.exit().remove();
  selection.attr('d', (bar) => bar.d).attr('class', (bar) => (bar.noisy ? 'noisy' : null));
  placeRings();
}

// What the reader's caps leave out of this pair.
function shadeCaps() {
  if (!chart.svg) return;
  const { pair, caps, width, height } = chart;
  caps.selectAll('rect').remove();
  const shade = (x, y, w, h) => caps.append('rect').attr({ x, y, width: Math.max(0, w), height: Math.max(0, h) });
  const clamp = (value, most) => Math.min(most, Math.max(0, value));
  if (pair.x >= 0 && state.caps[pair.x] !== null) {
    const at = clamp(chart.x(state.caps[pair.x]), width);
    shade(at, 0, width - at, height);
  }
  if (state.caps[pair.y] !== null) shade(0, 0, width, clamp(chart.y(state.caps[pair.y]), height));
}

function placeRings() {
  if (!chart.svg) return;
  const place = (ring, member) => {
    const shown = Boolean(member) && chart.drawn.includes(member) && member.index < state.count;
    ring.attr('display', shown ? null : 'none');
    if (shown) ring.attr({ cx: chart.cx(member), cy: chart.cy(member) });
  };
  place(chart.ringSelected, state.selected);
  place(chart.ringActive, state.active && state.active.member);
}

const visible = () => chart.drawn.filter((member) => member.index < state.count);
const byPlace = (a, b) => chart.cx(a) - chart.cx(b) || chart.cy(b) - chart.cy(a) || a.index - b.index;
const visibleFront = () => visible().filter((member) => onFrontAt(member, state.count)).sort(byPlace);

// The member within reach of the pointer; those of the front win over dots that lie as close.
function nearest([x, y]) {
  let best = null;
  let least = 26;
  for (const member of visible()) {
    const distance = Math.hypot(chart.cx(member) - x, chart.cy(member) - y) * (isMarkedAt(member, state.count) ? 0.6 : 1);
    if (distance < least) [best, least] = [member, distance];
  }
  return best;
}
function pointAt(place) {
  const member = nearest(place);
  if (!member) change('active', null);
  else if (!state.active || state.active.member !== member || !state.active.anchor) change('active', { member, anchor: member.node });
}

// One point at a time can be reached with Tab; the arrows move on from there.
function setRoving(member) {
  if (!member) return;
  if (chart.roving && chart.roving.node) chart.roving.node.setAttribute('tabindex', -1);
  chart.roving = member;
  member.node.setAttribute('tabindex', 0);
}

// On the container: a listener for focus would make an SVG group itself a stop of the Tab key.
function setUpChartKeys() {
  const container = document.getElementById('chart');
  const memberOf = (node) => (node.classList.contains('pt') ? d3.select(node).datum() : null);
  container.addEventListener('keydown', (event) => {
    if (memberOf(event.target)) onChartKey(event);
  });
  container.addEventListener('focusin', (event) => {
    const member = memberOf(event.target);
    if (member) change('active', { member, anchor: member.node });
  });
  container.addEventListener('focusout', () => change('active', null));
}

function onChartKey(event) {
  const current = chart.roving;
  const go = (list, forward) => {
    const after = list.filter((member) => (forward ? byPlace(current, member) < 0 : byPlace(member, current) < 0));
    return forward ? after[0] : after[after.length - 1];
  };
  const all = () => visible().sort(byPlace);
  let next = null;
  switch (event.key) {
    case 'ArrowRight': next = go(visibleFront(), true); break;
    case 'ArrowLeft': next = go(visibleFront(), false); break;
    case 'ArrowUp': next = go(all(), true); break;
    case 'ArrowDown': next = go(all(), false); break;
    case 'Home': next = visibleFront()[0]; break;
    case 'End': next = visibleFront().pop(); break;
    case 'Enter':
    case ' ':
      change('selected', current);
      announce(`Selected ${current.name}`);
      break;
    case 'Escape': change('active', null); break;
    default: return;
  }
  event.preventDefault();
  if (next) {
    setRoving(next);
    next.node.focus({ preventScroll: true });
  }
}

// Tabs, one per pair, each with its own small picture.
const hasTabs = pairs.length > 1 && members.length > 0;
const THUMB = { width: 150, height: 72, pad: 6 };
function drawPairs() {
  const list = document.getElementById('pairs');
  list.hidden = !hasTabs;
  if (!hasTabs) return;
  pairs.forEach((pair, index) => {
    const tab = element('button', { type: 'button', role: 'tab', id: `pair-${index}`, class: 'pair', 'aria-controls': 'chart-panel' },
      element('span', { class: 'pair-title' }, pairTitle(pair)));
    tab.addEventListener('click', () => change('pair', index));
    tab.addEventListener('keydown', (event) => {
      const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const target = event.key === 'Home' ? 0 : event.key === 'End' ? pairs.length - 1 :
        move ? (index + move + pairs.length) % pairs.length : -1;
      if (target < 0) return;
      event.preventDefault();
      change('pair', target);
      document.getElementById(`pair-${target}`).focus();
    });
    const drawn = members.filter((member) => numberOf(member, pair.x) !== null && numberOf(member, pair.y) !== null);
    const { width, height, pad } = THUMB;
    const x = makeAxis(extentOf(pair.x, drawn), 3, null, [pad, width - pad]).scale;
    const y = makeAxis(extentOf(pair.y, drawn), 3, null, [height - pad, pad]).scale;
    const svg = d3.select(tab).append('svg').attr({ viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    const spots = (list_) => list_.map((member) => `M${x(numberOf(member, pair.x)).toFixed(1)} ${y(numberOf(member, pair.y)).toFixed(1)}h0`).join('');
    svg.append('path').attr({ class: 'thumb-dots', d: spots(drawn) });
    pair.thumb = { step: svg.append('path').attr('class', 'thumb-step'), front: svg.append('path').attr('class', 'thumb-front'),
      selected: svg.append('path').attr('class', 'thumb-selected'), x, y, spots, drawn };
    list.append(tab);
  });
  updatePairs();
}
function updatePairs() {
  if (!hasTabs) return;
  pairs.forEach((pair, index) => {
    const tab = document.getElementById(`pair-${index}`);
    tab.setAttribute('aria-selected', index === state.pair);
    tab.setAttribute('tabindex', index === state.pair ? 0 : -1);
    const { step, front, selected, x, y, spots, drawn } = pair.thumb;
    step.attr('d', stairPath(staircase(pair.x, pair.y, state.count), pair, x, y, THUMB.width, THUMB.height));
    front.attr('d', spots(drawn.filter((member) => member.index < state.count && onFrontAt(member, state.count))));
    selected.attr('d', spots(drawn.filter((member) => member === state.selected && member.index < state.count)));
  });
  document.getElementById('chart-panel').setAttribute('aria-labelledby', `pair-${state.pair}`);
}

listen('pair', () => {
  state.logX = null;
  state.logY = null;
  updatePairs();
  drawChart();
});
listen('logX', drawChart);
listen('logY', drawChart);
listen('count', () => {
  updateChart();
  updatePairs();
  if (chart.svg && chart.roving.index >= state.count) setRoving(visibleFront()[0] || visible()[0]);
});
listen('selected', () => {
  updateChart();
  updatePairs();
});
listen('active', placeRings);
listen('caps', shadeCaps);
