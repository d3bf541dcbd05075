// The page of `lts compare`: the runs over each other. Its data is what lts compare --format json prints.
const data = JSON.parse(document.getElementById('lts-data').textContent);
const { objectives, runs } = data;
const shown = runs.map(() => true);
const state = { byTime: false, pair: 0 };
const hasVolumes = runs.some((run) => run.hypervolume !== null);
const hasTime = runs.some((run) => run.elapsed_s > 0);
const share = (volume) => (volume === null || volume === undefined ? '–' : volume.toFixed(3));

// Of the two the quality is y, the cost x.
const pairs = [];
objectives.forEach((a, i) => objectives.slice(i + 1).forEach((b, j) => {
  const turned = a.quality && !b.quality;
  pairs.push(turned ? { x: i + 1 + j, y: i } : { x: i, y: i + 1 + j });
}));

function frame(container, height, label) {
  container.replaceChildren();
  const outer = Math.max(240, container.clientWidth);
  const margin = { top: 26, right: 16, bottom: 50, left: outer < 560 ? 50 : 62 };
  const width = outer - margin.left - margin.right;
  const svg = d3.select(container).append('svg').attr({
    width: outer, height: height + margin.top + margin.bottom, role: 'group', 'aria-label': label });
  return { g: svg.append('g').attr('transform', `translate(${margin.left},${margin.top})`), width, height, left: margin.left };
}
function captions(g, { width, height, left }, x, y) {
  const place = g.append('g').attr({ class: 'captions', 'aria-hidden': 'true' });
  place.append('text').attr({ x: width, y: height + 40, 'text-anchor': 'end' }).text(x);
  place.append('text').attr({ x: -left + 4, y: -12 }).text(y);
}
function say(container, text) {
  container.replaceChildren(element('p', { class: 'empty' }, text));
}

function drawGrowth() {
  const container = document.getElementById('growth-chart');
  const drawn = runs.map((run, index) => ({ run, index })).filter(({ run, index }) => shown[index] && run.growth.length > 0);
  if (drawn.length === 0) {
    say(container, hasVolumes ? 'Every run is hidden.' : 'Hypervolumes are drawn for one to three objectives.');
    return;
  }
  const place = frame(container, 300, `Hypervolume of ${plural(drawn.length, 'run', 'runs')} over ${state.byTime ? 'search time' : 'evaluations'}`);
  const { g, width, height } = place;
  const at = (step) => (state.byTime ? step.at_s : step.evaluations);
  const end = (run) => (state.byTime ? Math.max(run.elapsed_s, at(run.growth[run.growth.length - 1])) : run.evaluated);
  const most = d3.max(drawn, ({ run }) => end(run)) || 1;
  const top = d3.max(drawn, ({ run }) => d3.max(run.growth, (step) => step.hypervolume)) || 1;
  const x = { scale: d3.scale.linear().domain([0, most]).range([0, width]) };
  const y = { scale: d3.scale.linear().domain([0, Math.min(1, top * 1.08)]).range([height, 0]) };
  x.ticks = linearTicks(0, most, Math.max(3, Math.round(width / 90)));
  y.ticks = linearTicks(0, y.scale.domain()[1], 5);
  drawAxes(g, x, y, width, height, (tick) => tickLabel(tick, ''), (tick) => String(Number(tick.toFixed(3))));
  captions(g, place, state.byTime ? 'Search time (s)' : 'Evaluations', 'Hypervolume · more is better');
  drawn.forEach(({ run, index }) => {
    const steps = run.growth.map((step) => `H${x.scale(at(step)).toFixed(1)}V${y.scale(step.hypervolume).toFixed(1)}`);
    g.append('path').attr({ class: `run-line run-${index}`, d: `M0 ${height}${steps.join('')}H${x.scale(end(run)).toFixed(1)}` })
      .append('title').text(`${run.name}: ${share(run.hypervolume)}`);
  });
}

// Members that are best in the two objectives alone, from the best x to the best y.
function stairs(run, pair) {
  const cost = (member, k) => (objectives[k].direction === 'maximize' ? -1 : 1) * member.objectives[k];
  const order = run.front.slice().sort((a, b) => cost(a, pair.x) - cost(b, pair.x) || cost(a, pair.y) - cost(b, pair.y));
  return order.filter(((least) => (member) => {
    const better = cost(member, pair.y) < least;
    if (better) least = cost(member, pair.y);
    return better;
  })(Infinity));
}

function drawFronts() {
  const container = document.getElementById('front-chart');
  const pair = pairs[state.pair];
  const drawn = runs.map((run, index) => ({ run, index })).filter(({ run, index }) => shown[index] && run.front.length > 0);
  if (!pair || drawn.length === 0) {
    say(container, pair ? 'No run to draw has a front.' : 'Fronts of one objective are single decoders: see the tables.');
    return;
  }
  const [ox, oy] = [objectives[pair.x], objectives[pair.y]];
  const values = (k) => d3.merge(drawn.map(({ run }) => run.front.map((member) => member.objectives[k])));
  const place = frame(container, 380, `Fronts: ${oy.title} against ${lower(ox.title)}`);
  const { g, width, height } = place;
  const x = makeAxis(values(pair.x), Math.max(3, Math.round(width / 90)), null, [0, width]);
  const y = makeAxis(values(pair.y), 6, null, [height, 0]);
  drawAxes(g, x, y, width, height, (tick) => tickLabel(tick, ox.unit), (tick) => tickLabel(tick, oy.unit));
  const better = (objective) => (objective.direction === 'maximize' ? 'more is better' : 'less is better');
  captions(g, place, `${ox.title}${asUnit(ox)} · ${better(ox)}`, `${oy.title}${asUnit(oy)} · ${better(oy)}`);
  drawn.forEach(({ run, index }) => {
    const steps = stairs(run, pair).map((member) => [x.scale(member.objectives[pair.x]), y.scale(member.objectives[pair.y])]);
    const path = steps.map(([px, py], i) => (i === 0 ? `M${px.toFixed(1)} ${py.toFixed(1)}` : `H${px.toFixed(1)}V${py.toFixed(1)}`)).join('');
    g.append('path').attr({ class: `run-stairs run-${index}`, d: path, 'aria-hidden': 'true' });
  });
  drawn.forEach(({ run, index }) => {
    const nodes = g.append('g').selectAll('circle').data(run.front).enter().append('circle').attr({
      class: (member) => `run-point run-${index}${member.on_union_front ? ' best' : ''}`, r: 4,
      cx: (member) => x.scale(member.objectives[pair.x]), cy: (member) => y.scale(member.objectives[pair.y]),
    });
    nodes.on('mouseenter', function show(member) {
      showTooltip(this, run, member);
    }).on('mouseleave', hideTooltip);
  });
}

function showTooltip(node, run, member) {
  const tooltip = document.getElementById('tooltip');
  const rows = objectives.map((objective, k) => element('tr', {}, element('th', { scope: 'row' }, objective.title),
    element('td', {}, human(member.objectives[k], objective.unit))));
  tooltip.replaceChildren(element('p', { class: 'tip-name' }, member.name), element('p', { class: 'tip-shape' }, run.name),
    element('table', {}, element('tbody', {}, ...rows)),
    element('p', { class: 'tip-foot' }, member.on_union_front ? 'on the front of all runs' : 'another run found something better'));
  tooltip.hidden = false;
  const box = node.getBoundingClientRect();
  const room = document.documentElement.clientWidth - tooltip.offsetWidth - 8;
  tooltip.style.left = `${Math.max(8, Math.min(box.right + 10, room))}px`;
  tooltip.style.top = `${Math.max(8, box.top - tooltip.offsetHeight - 8)}px`;
}
function hideTooltip() {
  document.getElementById('tooltip').hidden = true;
}

// heads: [title, isText]; rows: arrays of cells, which are texts or nodes.
function fillTable(id, caption, heads, rows) {
  const host = document.getElementById(id);
  host.hidden = rows.length === 0;
  const cell = (name, content, isText, scope) => element(name, { class: isText ? 'text' : null, scope }, content);
  host.replaceChildren(element('table', { class: 'numbers-table' }, element('caption', {}, caption),
    element('thead', {}, element('tr', {}, ...heads.map(([title, isText]) => cell('th', title, isText, 'col')))),
    element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map((content, k) =>
      cell(k === 0 ? 'th' : 'td', content, heads[k][1], k === 0 ? 'row' : null)))))));
}
const indexOf = (name) => runs.findIndex((run) => run.name === name);
const nameOf = (name) => element('span', { class: `run-name run-${indexOf(name)}` }, element('span', { class: 'key', 'aria-hidden': 'true' }), name);

function drawTables() {
  fillTable('runs-table', 'Runs', [['Run', true], ['Algorithm', true], ['Evaluated'], ['Time'], ['Front'], ['Hypervolume'],
    ['Of the union’s front'], ['Machine', true], ['Setting', true]],
  runs.map((run) => [nameOf(run.name), run.algorithm, String(run.evaluated), humanSeconds(run.elapsed_s), String(run.front.length),
    share(run.hypervolume), `${run.on_union_front} of ${data.union_front}`, run.machine, run.setting]));
  const budgetRows = (budgets, text) => budgets.map((budget) => [text(budget), ...budget.hypervolume.map((volume, k) =>
    element('span', { class: budget.winner === runs[k].name ? 'winner' : null }, share(volume)))]);
  fillTable('budgets-table', 'Hypervolume at each budget; the largest in bold', [['Budget', true], ...runs.map((run) => [run.name])],
    [...budgetRows(data.by_evaluations, (budget) => plural(budget.evaluations, 'evaluation', 'evaluations')),
      ...budgetRows(data.by_time, (budget) => humanSeconds(budget.seconds))]);
  const measured = objectives.filter((objective) => data.pairs.some((pair) => pair.rank_correlation[objective.name] !== undefined));
  fillTable('pairs-table', 'What became of each run’s front in the others', [['Front of', true], ['In', true], ['Kept'], ['Lost'],
    ['Not evaluated'], ['Evaluated by both'], ...measured.map((objective) => [`Rank correlation, ${lower(objective.title)}`])],
  data.pairs.map((pair) => [nameOf(pair.of), nameOf(pair.in), String(pair.kept), String(pair.lost), String(pair.not_evaluated),
    String(pair.shared), ...measured.map((objective) => share(pair.rank_correlation[objective.name]))]));
}

function drawCharts() {
  drawGrowth();
  drawFronts();
}

function setUpControls() {
  const press = (button, pressed) => button.setAttribute('aria-pressed', pressed);
  runs.forEach((run, index) => {
    const button = element('button', { type: 'button', class: `quiet run-toggle run-${index}`, 'aria-pressed': 'true' },
      element('span', { class: 'key', 'aria-hidden': 'true' }), run.algorithm ? `${run.name} (${run.algorithm})` : run.name);
    button.addEventListener('click', () => {
      shown[index] = !shown[index];
      press(button, shown[index]);
      drawCharts();
    });
    document.getElementById('runs').append(button);
  });
  const over = [['by-evaluations', false], ['by-time', true]].map(([id, byTime]) => {
    const button = document.getElementById(id);
    button.disabled = byTime && !hasTime;
    button.addEventListener('click', () => {
      state.byTime = byTime;
      over.forEach((other) => press(other.button, other.byTime === byTime));
      drawGrowth();
    });
    return { button, byTime };
  });
  const buttons = pairs.map((pair, index) => {
    const button = element('button', { type: 'button', class: 'quiet', 'aria-pressed': index === 0 },
      `${objectives[pair.y].title} against ${lower(objectives[pair.x].title)}`);
    button.addEventListener('click', () => {
      state.pair = index;
      buttons.forEach((other, k) => press(other, k === index));
      drawFronts();
    });
    return button;
  });
  const place = document.getElementById('pairs');
  place.hidden = pairs.length < 2;
  place.append(...buttons);
}

function start() {
  setUpTheme();
  document.getElementById('notes').append(...data.notes.map((note) => element('li', {}, note)));
  setUpControls();
  drawCharts();
  drawTables();
  document.getElementById('footer').textContent = 'Made by lts compare: Lightweight Transformer Search. ' +
    'This page is complete in itself: it loads nothing and sends nothing. Charts by D3.';
  let width = window.innerWidth;
  window.addEventListener('resize', () => {
    if (window.innerWidth === width) return;  // a phone's address bar changes the height alone
    width = window.innerWidth;
    drawCharts();
  });
  window.addEventListener('scroll', hideTooltip, { passive: true });
}
start();
