// The tooltip: shape and numbers of the member that is pointed at or focused, beside its point and inside the window.
function tooltipContent(member) {
  const rows = objectives.map((objective, k) => {
    const cell = member.values[k];
    return element('tr', {},
      element('th', { scope: 'row' }, objective.title),
      element('td', {}, cellText(k, cell),
        hasInterval(cell) ? element('span', { class: 'interval' }, ` ${humanRange(cell.lo, cell.hi, objective.unit)}`) : null,
        isMeasured(cell) && cell.noisy ? element('span', { class: 'badge' }, 'noisy') : null));
  });
  const place = member.on_front ? 'on the front' : member.near_tie ? 'near-tie: dominated within the intervals' : member.ranked ? 'dominated' :
    member.complete ? 'breaks a constraint' : 'failed';
  const found = `evaluation ${member.index + 1}` + (member.at_s > 0 ? `, ${humanSeconds(member.at_s)}` : '');
  return [
    element('p', { class: 'tip-name' }, member.name),
    element('p', { class: 'tip-shape' }, shapeInWords(member)),
    element('table', {}, element('tbody', {}, ...rows)),
    element('p', { class: 'tip-foot' }, `${place} · ${found}`),
  ];
}

// "7 layers, d_model 576, d_inner 832, 8 heads"
function shapeInWords(member) {
  const span = (values) => {
    if (typeof values === 'number') return String(values);
    const [low, high] = d3.extent(values);
    return low === high ? String(low) : `${low} to ${high}`;
  };
  const heads = span(member.n_head);
  return `${plural(member.n_layer, 'layer', 'layers')}, d_model ${member.d_model}, d_inner ${span(member.d_inner)}, ` +
    `${heads} ${heads === '1' ? 'head' : 'heads'}`;
}

function showTooltip(active) {
  const tooltip = document.getElementById('tooltip');
  if (!active || !active.anchor) {
    tooltip.hidden = true;
    return;
  }
  tooltip.replaceChildren(...tooltipContent(active.member));
  tooltip.hidden = false;
  const gap = 14;
  const point = active.anchor.getBoundingClientRect();
  const [x, y] = [point.left + point.width / 2, point.top + point.height / 2];
  const [width, height] = [tooltip.offsetWidth, tooltip.offsetHeight];
  const room = document.documentElement.clientWidth;
  let left = x + gap + width <= room - 8 ? x + gap : x - gap - width;
  let top = y - gap - height;
  if (left < 8) left = Math.max(8, Math.min(x - width / 2, room - width - 8));
  if (top < 8) top = Math.min(y + gap, window.innerHeight - height - 8);
  tooltip.style.left = `${left}px`;
  tooltip.style.top = `${Math.max(8, top)}px`;
}
listen('active', showTooltip);
window.addEventListener('scroll', () => showTooltip(null), { passive: true });
