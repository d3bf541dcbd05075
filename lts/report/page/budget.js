// The reader's budget: a cap on each cost, and the best decoder under all of them, at once. What decides is the first
// quality, or the first objective.
const EXPECTED = (data.expected || []).map((entry) => {
  const costs = entry.objectives.map((value, k) => (objectives[k].maximize ? -1 : 1) * value);
  return { name: entry.name, config: entry.config, costs };
});
const capped = objectives.map((_, k) => k).filter((k) => !objectives[k].quality);
const decides = Math.max(0, objectives.findIndex((objective) => objective.quality));
const SLIDER_STEPS = 1000;

// From the slider's place to a cost and back: by ratio where all costs are positive, so that each end moves as finely.
function budgetScale(k) {
  const [low, high] = d3.extent([...frontMembers, ...EXPECTED], (entry) => entry.costs[k]);
  const scale = low > 0 && high / low > 2 ? d3.scale.log() : d3.scale.linear();
  return scale.domain([low, high]).range([0, SLIDER_STEPS]);
}
const underCaps = (entry, caps) => caps.every((cap, k) => cap === null || entry.costs[k] <= cap);
function bestOf(list, caps) {
  let best = null;
  list.forEach((entry) => {
    if (underCaps(entry, caps) && (best === null || entry.costs[decides] < best.costs[decides])) best = entry;
  });
  return best;
}

const budgetShown = frontMembers.length > 1 && capped.length > 0 && objectives.length > 1;
function describe(entry) {
  return objectives.map((objective, k) =>
    `${human((objective.maximize ? -1 : 1) * entry.costs[k], objective.unit)} ${lower(objective.title)}`).join(', ');
}

function answerBudget() {
  const answer = document.getElementById('budget-answer');
  answer.replaceChildren();
  if (state.caps.every((cap) => cap === null)) {
    answer.append(element('p', {}, 'Move a slider: the best decoder under your caps is selected as you go.'));
    return;
  }
  const best = bestOf(frontMembers, state.caps);
  if (best) {
    change('selected', best);
    answer.append(element('p', {}, element('strong', {}, best.name), ` is the best that was measured: ${describe(best)}.`));
  } else {
    answer.append(element('p', {}, 'Nothing that was measured stays within these caps.'));
  }
  const expected = bestOf(EXPECTED, state.caps);
  if (expected && (!best || expected.costs[decides] < best.costs[decides])) {
    const button = element('button', { type: 'button', class: 'copy' }, 'Copy');
    button.addEventListener('click', () => copyText(expected.config, `the configuration of ${expected.name}`, button));
    answer.append(element('p', {}, element('strong', {}, expected.name),
      ` is expected to be better, but was not measured: ${describe(expected)}. `, button));
  }
}

function drawBudget() {
  document.getElementById('budget').hidden = !budgetShown;
  if (!budgetShown) return;
  const list = document.getElementById('budget-sliders');
  capped.forEach((k) => {
    const scale = budgetScale(k);
    const id = `cap-${objectives[k].name}`;
    const slider = element('input', { type: 'range', id, min: 0, max: SLIDER_STEPS, step: 1, value: SLIDER_STEPS });
    const output = element('output', { for: id });
    const show = () => {
      const cap = state.caps[k];
      const text = cap === null ? 'no cap' : `at most ${human(cap, objectives[k].unit)}`;
      output.textContent = text;
      slider.setAttribute('aria-valuetext', text);
    };
    slider.addEventListener('input', () => {
      const place = Number(slider.value);
      change('caps', state.caps.map((cap, i) => (i !== k ? cap : place >= SLIDER_STEPS ? null : scale.invert(place))));
      show();
    });
    show();
    list.append(element('div', { class: 'cap' }, element('label', { for: id }, objectives[k].title), slider, output));
  });
  answerBudget();
}
listen('caps', answerBudget);
