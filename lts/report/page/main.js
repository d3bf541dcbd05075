// Puts the page together.
const MIB = 1048576;

function drawFacts() {
  const { environment, workload, config } = data;
  const facts = [];
  if (environment.cpu_model) {
    const size = [];
    if (environment.logical_cores > 0) size.push(plural(environment.logical_cores, 'core', 'cores'));
    if (environment.memory_bytes > 0) size.push(human(environment.memory_bytes / MIB, 'MiB'));
    facts.push([environment.cpu_model, ...size].join(', '));
  }
  facts.push(`${config.runtime}, ${config.dtype}, KV cache ${config.kv_dtype}, ${plural(config.threads, 'thread', 'threads')}`);
  facts.push(`${workload.prompt_tokens} prompt + ${workload.output_tokens} output tokens, batch ${workload.batch}`);
  if (data.elapsed_s > 0) facts.push(`${humanSeconds(data.elapsed_s)} of search`);
  facts.push(data.finished_utc ? humanDate(data.finished_utc) : 'still running when this page was written');
  document.getElementById('facts').replaceChildren(...facts.map((fact) => element('li', {}, fact)));
  if (data.command_line) {
    document.getElementById('command').hidden = false;
    document.getElementById('command-text').textContent = data.command_line;
    const button = document.getElementById('copy-command');
    button.addEventListener('click', () => copyText(data.command_line, 'the command line', button));
  }
}

function fillList(id, entries) {
  const list = document.getElementById(id);
  entries.filter(([, value]) => value !== null && value !== undefined && value !== '').forEach(([name, value]) => {
    list.append(element('dt', {}, name), element('dd', {}, String(value)));
  });
}
// What a reader looks for, as lines: plain values and short lists, of nested objects "outer · inner". The machine and the
// command line stand elsewhere on the page; all of it is in the raw text below.
const SHOWN_ELSEWHERE = ['environment', 'environment_key', 'command_line', 'run'];
function runLines(value, prefix) {
  const lines = [];
  Object.keys(value).filter((key) => prefix || !SHOWN_ELSEWHERE.includes(key)).forEach((key) => {
    const name = prefix ? `${prefix} · ${key}` : key;
    const entry = value[key];
    if (Array.isArray(entry)) {
      const parts = entry.map((part) => (part === null || typeof part !== 'object' ? part :
        typeof part.name === 'string' ? [part.direction, part.name].filter(Boolean).join(' ') : undefined));
      if (!parts.includes(undefined)) lines.push([name, parts.join(', ')]);
    } else if (entry !== null && typeof entry === 'object') {
      if (key !== 'space') lines.push(...runLines(entry, name));
      else if (typeof entry.name === 'string') lines.push([name, entry.name]);
    } else {
      lines.push([name, entry]);
    }
  });
  return lines;
}
function drawRun() {
  const e = data.environment;
  const libraries = e.libraries && !Array.isArray(e.libraries) && typeof e.libraries === 'object' ?
    Object.keys(e.libraries).map((name) => `${name} ${e.libraries[name]}`).join(', ') :
    (e.libraries || []).map((pair) => [].concat(pair).join(' ')).join(', ');
  fillList('machine', [
    ['Processor', e.cpu_model], ['Instruction set', e.isa], ['Logical cores', e.logical_cores],
    ['Memory', e.memory_bytes ? human(e.memory_bytes / MIB, 'MiB') : ''],
    ['Memory free', e.available_memory_bytes ? human(e.available_memory_bytes / MIB, 'MiB') : ''], ['Kernel', e.kernel],
    ['Governor', e.governor], ['Load (1 min)', e.load_1min], ['lts', e.lts_version], ['Build', e.build], ['Libraries', libraries],
  ]);
  const recorded = data.run !== null && typeof data.run === 'object' && !Array.isArray(data.run);
  fillList('run-list', recorded ? runLines(data.run, '') : [['Search', 'nothing recorded']]);
  document.getElementById('run-raw').textContent = JSON.stringify(data.run, null, 2);
  document.getElementById('footer').textContent = `Made by lts ${e.lts_version || ''}: Lightweight Transformer Search. ` +
    'This page is complete in itself: it loads nothing and sends nothing. Charts by D3.';
}

function setUpText() {
  const measured = columns.some((column) => column.measured);
  const show = (id, shown) => {
    document.getElementById(id).hidden = !shown;
  };
  show('legend-infeasible', members.some((member) => !member.ranked));
  show('legend-tie', nearTies.length > 0);
  show('reading-tie', nearTies.length > 0);
  show('legend-interval', members.some((member) => member.on_front && objectives.some((_, k) => hasInterval(member.values[k]))));
  show('legend-noisy', members.some((member) => objectives.some((_, k) => isMeasured(member.values[k]) && member.values[k].noisy)));
  show('chart-tools', members.length > 0);
  if (objectives.length === 1) document.getElementById('legend-step').lastChild.textContent = 'best so far';
  show('reading-measured', measured);
  show('reading-infeasible', members.some((member) => !member.ranked));
  show('reading-proxy', objectives.some((objective) => objective.name === 'decoder_params' && objective.maximize));
  show('reading-law', objectives.some((objective) => objective.quality && !objective.maximize));
  show('reading-certificate', Boolean(data.certificate));
  show('reading-sample', !data.certificate);
  show('reading-hypervolume', hasHypervolume && growthSteps.length > 1);
  document.getElementById('front-hint').textContent = frontMembers.length === 0 ? '' :
    'Point at, tap or focus a decoder for its numbers; the arrow keys walk along the front, Enter selects.';
}

function start() {
  setUpTheme();
  drawFacts();
  setUpText();
  drawPairs();
  setUpReplay();
  setUpChartKeys();
  drawChart();
  drawBudget();
  drawGrowth();
  drawDetail();
  drawTable();
  drawRun();
  const toggle = (id, name) => {
    const button = document.getElementById(id);
    button.addEventListener('click', () => change(name, button.getAttribute('aria-pressed') !== 'true'));
  };
  toggle('log-x', 'logX');
  toggle('log-y', 'logY');
  let width = window.innerWidth;
  let waiting = 0;
  window.addEventListener('resize', () => {
    if (window.innerWidth === width) return;  // a phone's address bar changes the height alone
    width = window.innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => {
      drawChart();
      drawGrowth();
    });
  });
}
start();
