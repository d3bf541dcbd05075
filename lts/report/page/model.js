// The run's data and what follows from them: fronts, how they grew, the hypervolume. No drawing here.
const data = JSON.parse(document.getElementById('lts-data').textContent);
const columns = data.columns;                          // objectives first
const objectives = columns.slice(0, data.objectives.length);
const members = data.members;

const valueOf = (cell) => (cell === null || cell === undefined ? null : typeof cell === 'number' ? cell : cell.v);
const numberOf = (member, column) => valueOf(member.values[column]);
const isMeasured = (cell) => cell !== null && typeof cell === 'object';
const hasInterval = (cell) => isMeasured(cell) && Number.isFinite(cell.lo) && Number.isFinite(cell.hi);
const isNoisy = (member) => member.values.some((cell) => isMeasured(cell) && cell.noisy === true);

// Each objective as a cost: smaller is better.
const costOf = (member, objective) =>
  (objectives[objective].maximize ? -1 : 1) * numberOf(member, objective);

members.forEach((member, index) => {
  member.index = index;
  member.complete = objectives.every((_, k) => numberOf(member, k) !== null);
  member.ranked = member.feasible && member.complete;  // may join a front
  member.costs = objectives.map((_, k) => costOf(member, k));
  // On the front after evaluations joined+1 .. left. Of equal members the first alone.
  member.joined = -1;
  member.left = -1;
});

(function replayFront() {
  let front = [];
  const covers = (a, b) => a.costs.every((cost, k) => cost <= b.costs[k]);
  members.forEach((member, index) => {
    if (!member.ranked || objectives.length === 0 || front.some((other) => covers(other, member))) return;
    front = front.filter((other) => {
      if (!covers(member, other)) return true;
      other.left = index;
      return false;
    });
    member.joined = index;
    member.left = Infinity;
    front.push(member);
  });
})();

// Whether the member was on the front once `count` members had been evaluated.
function onFrontAt(member, count) {
  if (count >= members.length) return member.on_front;
  return member.joined >= 0 && member.joined < count && member.left >= count;
}

// The first evaluation from which on somebody dominates the member beyond the intervals (search/near_ties.h), or Infinity.
const lowCost = (member, k) => intervalOf(member, k)[objectives[k].maximize ? 1 : 0] * (objectives[k].maximize ? -1 : 1);
const highCost = (member, k) => intervalOf(member, k)[objectives[k].maximize ? 0 : 1] * (objectives[k].maximize ? -1 : 1);
function intervalOf(member, k) {
  const cell = member.values[k];
  const value = numberOf(member, k);
  return hasInterval(cell) ? [Math.min(cell.lo, value), Math.max(cell.hi, value)] : [value, value];
}
(function findWhoBeatsWhom() {
  const ranked = members.filter((member) => member.ranked);
  ranked.forEach((member) => {
    member.lows = objectives.map((_, k) => lowCost(member, k));
    member.highs = objectives.map((_, k) => highCost(member, k));
  });
  const exact = (member) => member.highs.every((high, k) => high === member.lows[k]);
  const beats = (a, b) => a.highs.every((high, k) => high <= b.lows[k]) &&
    (a.highs.some((high, k) => high < b.lows[k]) || (a.index < b.index && exact(a) && exact(b)));  // or repeats it
  ranked.forEach((member) => {
    member.beaten = Infinity;
    for (const other of ranked) {
      if (other === member || !beats(other, member)) continue;
      member.beaten = Math.max(other.index, member.index);  // in order of evaluation: the first
      break;
    }
  });
})();

// Whether the member was a near-tie then: off the front, but not beaten beyond the intervals.
function nearTieAt(member, count) {
  if (count >= members.length) return member.near_tie;
  return member.ranked && member.index < count && !onFrontAt(member, count) && member.beaten >= count;
}
const frontAt = (count) => members.filter((member) => member.index < count && onFrontAt(member, count));

const byFirstObjective = (a, b) => {
  for (let k = 0; k < objectives.length; ++k) {
    if (a.costs[k] !== b.costs[k]) return a.costs[k] - b.costs[k];
  }
  return a.index - b.index;
};
const frontMembers = members.filter((member) => member.on_front).sort(byFirstObjective);
const nearTies = members.filter((member) => member.near_tie);

// The members that are best in objectives x and y alone among the first `count`, from the best x to the best y.
function staircase(x, y, count) {
  const order = members.filter((member) => member.index < count && member.ranked);
  order.sort((a, b) => a.costs[x] - b.costs[x] || a.costs[y] - b.costs[y] || a.index - b.index);
  const stairs = [];
  for (const member of order) {
    if (stairs.length === 0 || member.costs[y] < stairs[stairs.length - 1].costs[y]) stairs.push(member);
  }
  return stairs;
}

// Every pair of objectives; of the two the quality is y, the cost x.
const pairs = [];
for (let a = 0; a < objectives.length; ++a) {
  for (let b = a + 1; b < objectives.length; ++b) {
    pairs.push(objectives[a].quality && !objectives[b].quality ? { x: b, y: a } : { x: a, y: b });
  }
}
// One objective has no pair: it is drawn over the order of evaluation.
if (objectives.length === 1) pairs.push({ x: -1, y: 0 });

// Worst and best cost of every objective over all that may join a front: the box of the hypervolume.
const box = objectives.map((_, k) => d3.extent(members.filter((member) => member.ranked), (member) => member.costs[k]));

// The member nearest to the ideal corner of that box: a fair first selection.
const balanced = (function nearestToIdeal() {
  let best = null;
  let least = Infinity;
  for (const member of frontMembers) {
    const distance = d3.sum(member.costs, (cost, k) => {
      const [low, high] = box[k] || [0, 0];
      return high > low ? Math.pow((cost - low) / (high - low), 2) : 0;
    });
    if (distance < least) [best, least] = [member, distance];
  }
  return best;
})();

// Share of the box that is dominated, for 2 and 3 objectives; null beyond, where the exact volume is dear.
const hasHypervolume = objectives.length === 2 || objectives.length === 3;
function hypervolume(front) {
  if (!hasHypervolume) return null;
  // As heights above the worst: 0 .. 1, more is better. A flat objective counts as reached.
  const points = front.map((member) => {
    const heights = member.costs.map((cost, k) => {
      const [low, high] = box[k];
      return high > low ? (high - cost) / (high - low) : 1;
    });
    return heights.length === 3 ? heights : [...heights, 1];
  });
  // Slices of equal third height, from the top; `stairs` is what the slices so far dominate in the first two.
  points.sort((a, b) => b[2] - a[2]);
  const stairs = [];
  let volume = 0;
  points.forEach((point, i) => {
    addStair(stairs, point);
    const next = i + 1 < points.length ? points[i + 1][2] : 0;
    if (point[2] > next) volume += areaUnder(stairs) * (point[2] - next);
  });
  return volume;
}
// `stairs`: no point dominates another; first height falling, second rising.
function addStair(stairs, point) {
  let at = stairs.findIndex((stair) => stair[0] <= point[0]);
  if (at < 0) at = stairs.length;
  if (at > 0 && stairs[at - 1][1] >= point[1]) return;                       // dominated by the one before
  if (at < stairs.length && stairs[at][0] === point[0] && stairs[at][1] >= point[1]) return;
  let end = at;
  while (end < stairs.length && stairs[end][1] <= point[1]) ++end;           // these it dominates
  stairs.splice(at, end - at, point);
}
function areaUnder(stairs) {
  let area = 0;
  let height = 0;
  for (const stair of stairs) {
    area += stair[0] * (stair[1] - height);
    height = stair[1];
  }
  return area;
}

// The front's size and hypervolume after at most `most` of the evaluations, the first and last included.
const hasTime = members.some((member) => member.at_s > 0);
function growth(most) {
  const steps = [];
  const stride = Math.max(1, Math.ceil(members.length / most));
  let volume = null;
  let changed = true;
  for (let count = 1; count <= members.length; ++count) {
    const last = members[count - 1];
    changed = changed || last.joined >= 0;
    if (count % stride !== 0 && count !== 1 && count !== members.length) continue;
    const front = frontAt(count);
    if (changed) volume = hypervolume(front);
    changed = false;
    steps.push({ count, at: hasTime ? last.at_s : count, size: front.length, volume });
  }
  return steps;
}

// Words for one member: for tooltips, screen readers and the table.
function cellText(column, cell) {
  if (cell === null || cell === undefined) return 'unknown';
  return human(valueOf(cell), columns[column].unit);
}
function memberLabel(member) {
  const place = member.on_front ? 'on the front' : member.near_tie ? 'near-tie' : member.ranked ? 'evaluated' :
    member.complete ? 'breaks a constraint' : 'failed';
  const numbers = objectives.map((objective, k) => {
    const cell = member.values[k];
    let text = `${lower(objective.title)} ${cellText(k, cell)}`;
    if (hasInterval(cell)) text += `, 95 % interval ${human(cell.lo, objective.unit)} to ${human(cell.hi, objective.unit)}`;
    if (isMeasured(cell) && cell.noisy) text += ', noisy';
    return text;
  });
  return `${member.name}, ${place}. ${numbers.join('; ')}.`;
}
