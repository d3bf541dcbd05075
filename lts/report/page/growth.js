// How the front grew: the slider that replays the search, and two curves over it.
const GROWTH_POINTS = 240;  // of each curve; more would not be seen
const growthSteps = growth(GROWTH_POINTS);
const growthCharts = [];

const timeOf = (count) => (hasTime ? members[count - 1].at_s : count);
const timeText = (count) => (hasTime ? humanSeconds(members[count - 1].at_s) : plural(count, 'evaluation', 'evaluations'));

function drawGrowth() {
  const host = document.getElementById('growth-charts');
  host.replaceChildren();
  growthCharts.length = 0;
  const section = document.getElementById('growth');
  section.hidden = growthSteps.length < 2 || objectives.length < 2;  // one objective: the chart above says it all
  if (section.hidden) return;
  const series = [{ title: 'Members of the front', value: (step) => step.size, label: (v) => String(v), whole: true }];
  if (hasHypervolume) {
    series.unshift({ title: 'Hypervolume', value: (step) => step.volume, label: (v) => `${Math.round(v * 100)} %`, whole: false });
  }
  // All places first: the width of one depends on how many there are.
  const places = series.map((one) => element('div', { class: 'curve' }, element('h4', {}, one.title)));
  host.append(...places);
  series.forEach((one, index) => drawCurve(places[index], one));
  updateGrowth();
}

function drawCurve(place, one) {
  const outer = Math.max(220, place.clientWidth);
  const margin = { top: 10, right: 14, bottom: 42, left: 48 };
  const width = outer - margin.left - margin.right;
  const height = 150;
  const top = d3.max(growthSteps, one.value) || 1;
  const x = { scale: d3.scale.linear().domain([0, growthSteps[growthSteps.length - 1].at || 1]).range([0, width]) };
  const y = { scale: d3.scale.linear().domain([0, one.whole ? top * 1.08 : Math.min(1, top * 1.08)]).range([height, 0]) };
  x.ticks = linearTicks(0, x.scale.domain()[1], Math.max(3, Math.round(width / 70)));
  y.ticks = linearTicks(0, y.scale.domain()[1], 4).filter((tick) => !one.whole || Number.isInteger(tick));
  const first = growthSteps[0];
  const last = growthSteps[growthSteps.length - 1];
  const svg = d3.select(place).append('svg').attr({
    width: outer, height: height + margin.top + margin.bottom, class: 'growth-chart', role: 'img',
    'aria-label': `${one.title} over the search: ${one.label(one.value(first))} after ${timeText(first.count)}, ` +
      `${one.label(one.value(last))} after ${timeText(last.count)}.`,
  });
  const g = svg.append('g').attr('transform', `translate(${margin.left},${margin.top})`);
  drawAxes(g, x, y, width, height, (tick) => tickLabel(tick, ''), one.whole ? String : (tick) => `${Math.round(tick * 100)} %`);
  g.append('text').attr({ class: 'captions', x: width, y: height + 36, 'text-anchor': 'end' })
    .text(hasTime ? 'Search time (s)' : 'Evaluations');
  const line = d3.svg.line().x((step) => x.scale(step.at)).y((step) => y.scale(one.value(step))).interpolate('step-after');
  g.append('path').attr({ class: 'area', d: `${line(growthSteps)}V${height}H${x.scale(first.at)}Z` });
  g.append('path').attr({ class: 'step', d: line(growthSteps) });
  const cursor = g.append('line').attr({ class: 'cursor', y1: 0, y2: height });
  const dot = g.append('circle').attr({ class: 'cursor-dot', r: 4.5 });
  const text = g.append('text').attr({ class: 'cursor-text', y: 10 });
  const pick = () => {
    const at = x.scale.invert(d3.mouse(g.node())[0]);
    const count = members.filter((member, index) => timeOf(index + 1) <= at).length;
    change('count', Math.max(1, Math.min(members.length, count)));
  };
  svg.on('click', pick).on('mousemove', () => {
    if (d3.event.buttons & 1) pick();
  });
  growthCharts.push({ one, x: x.scale, y: y.scale, cursor, dot, text, width });
}

function updateGrowth() {
  if (members.length === 0) return;
  const step = growthSteps.filter((s) => s.count <= state.count).pop() || growthSteps[0];
  for (const { one, x, y, cursor, dot, text, width } of growthCharts) {
    const at = x(timeOf(state.count));
    cursor.attr({ x1: at, x2: at });
    dot.attr({ cx: at, cy: y(one.value(step)) });
    const onLeft = at > width / 2;
    text.attr({ x: at + (onLeft ? -8 : 8), y: y(one.value(step)) + (y(one.value(step)) < 24 ? 20 : -9), 'text-anchor': onLeft ? 'end' : 'start' })
      .text(one.label(one.value(step)));
  }
  const slider = document.getElementById('slider');
  slider.value = state.count;
  const size = frontAt(state.count).length;
  const moment = `${state.count} of ${members.length} evaluated` + (hasTime ? ` · ${timeText(state.count)}` : '') +
    ` · iteration ${members[state.count - 1].iteration}`;
  const front = `front of ${size}`;
  document.getElementById('slider-text').replaceChildren(element('b', {}, front), ` · ${moment}`);
  slider.setAttribute('aria-valuetext', `${moment}, ${front}`);
}

// Runs through the search in about six seconds; in fewer, calmer steps for readers who asked for less motion.
const replay = { timer: 0 };
function stopReplay() {
  clearInterval(replay.timer);
  replay.timer = 0;
  const button = document.getElementById('play');
  button.firstElementChild.textContent = '▶';
  button.setAttribute('aria-label', 'Replay the search');
}
function startReplay() {
  const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  const frames = Math.min(members.length, calm ? 12 : 120);
  let frame = state.count >= members.length ? 0 : Math.round((state.count / members.length) * frames);
  const button = document.getElementById('play');
  button.firstElementChild.textContent = '❚❚';
  button.setAttribute('aria-label', 'Pause the replay');
  replay.timer = setInterval(() => {
    frame += 1;
    change('count', Math.max(1, Math.round((frame / frames) * members.length)));
    if (frame >= frames) stopReplay();
  }, calm ? 500 : 50);
}
function setUpReplay() {
  const slider = document.getElementById('slider');
  const enough = members.length > 1;
  document.getElementById('replay').hidden = !enough;
  if (!enough) return;
  slider.max = members.length;
  slider.value = members.length;
  slider.addEventListener('input', () => {
    stopReplay();
    change('count', Number(slider.value));
  });
  document.getElementById('play').addEventListener('click', () => (replay.timer ? stopReplay() : startReplay()));
}
listen('count', updateGrowth);
