// One member in full: numbers with intervals and samples, its layers as a picture, its configuration to copy.
function drawDetail() {
  const member = state.selected;
  const heading = document.getElementById('detail-heading');
  const body = document.getElementById('detail-body');
  if (!member) {
    heading.textContent = 'No decoder selected';
    body.replaceChildren(element('p', { class: 'hint' }, members.length === 0 ? 'The search has not evaluated any yet.' :
      'Choose a point of the chart or a row of the table.'));
    return;
  }
  heading.textContent = member.name;
  const tags = [];
  if (member.on_front) tags.push(element('span', { class: 'tag on' }, 'on the front'));
  else if (member.near_tie) tags.push(element('span', { class: 'tag tie' }, 'near-tie'));
  else tags.push(element('span', { class: 'tag' }, member.ranked ? 'dominated' : member.complete ? 'breaks a constraint' : 'failed'));
  if (isNoisy(member)) tags.push(element('span', { class: 'badge' }, 'noisy'));
  tags.push(element('span', { class: 'tag' }, member.backbone));
  if (member.outside_fit) tags.push(element('span', { class: 'badge', title: member.outside_fit }, 'outside the fit'));
  const numbers = element('dl', { class: 'numbers' });
  columns.forEach((column, k) => {
    if (member.values[k] !== null) numbers.append(numberDetail(column, member.values[k]));
  });
  const copy = element('button', { type: 'button', class: 'copy', id: 'copy-config' }, 'Copy config');
  copy.addEventListener('click', () => copyText(member.config, `the config of ${member.name}`, copy));
  body.replaceChildren(
    element('p', { class: 'tags' }, ...tags),
    element('p', { class: 'shape' }, shapeInWords(member) + '.'),
    layerPicture(member),
    numbers,
    ...(member.outside_fit ? [element('p', { class: 'hint' }, `Its quality is extrapolated: ${member.outside_fit}.`)] : []),
    element('div', { class: 'config' },
      element('div', { class: 'config-head' }, element('h4', {}, 'Configuration'), copy),
      element('pre', { tabindex: '0', 'aria-label': `Configuration of ${member.name}` }, member.config.trim()),
      element('p', { class: 'id' }, member.on_front || member.near_tie ? `architectures/${member.id}.json` : member.id)));
}

function numberDetail(column, cell) {
  const noisy = isMeasured(cell) && cell.noisy ? element('span', { class: 'badge' }, 'noisy') : null;
  const row = element('div', { class: 'number' }, element('dt', {}, column.title, noisy),
    element('dd', {}, human(valueOf(cell), column.unit)));
  if (!isMeasured(cell)) return row;
  const parts = [];
  if (hasInterval(cell)) parts.push(humanRange(cell.lo, cell.hi, column.unit));
  if (cell.p95 !== null && cell.n > 1) parts.push(`P95 ${human(cell.p95, column.unit)}`);
  if (cell.n > 0) parts.push(plural(cell.n, 'sample', 'samples'));
  if (cell.drift !== null && Math.abs(cell.drift - 1) >= 0.005) parts.push(`drift ×${cell.drift.toFixed(2)}`);
  if (data.sources[cell.src]) parts.push(data.sources[cell.src]);
  row.append(element('dd', { class: 'origin' }, parts.join(' · ')));
  if (cell.x && cell.x.length > 4) row.append(element('dd', { class: 'strip' }, sampleStrip(column, cell)));
  return row;
}

// Every sample as a tick, the interval as a band, the median as a bar.
function sampleStrip(column, cell) {
  const [width, height] = [240, 16];
  const finite = cell.x.filter(Number.isFinite);
  const x = d3.scale.linear().domain(d3.extent(finite.concat(hasInterval(cell) ? [cell.lo, cell.hi] : []))).range([3, width - 3]);
  const host = element('div', {});
  const svg = d3.select(host).append('svg').attr({
    viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img',
    'aria-label': `${plural(finite.length, 'sample', 'samples')} from ${human(d3.min(finite), column.unit)} to ${human(d3.max(finite), column.unit)}`,
  });
  if (hasInterval(cell)) {
    svg.append('rect').attr({ class: 'strip-band', x: x(cell.lo), width: Math.max(1, x(cell.hi) - x(cell.lo)), y: 1, height: height - 2 });
  }
  finite.forEach((sample) => svg.append('path').attr({ class: 'strip-sample', d: `M${x(sample).toFixed(1)} 4v8` }));
  svg.append('path').attr({ class: 'strip-median', d: `M${x(cell.v).toFixed(1)} 0v${height}` });
  return host;
}

// The layers from first to last: the attention block, split into its heads, over the feed-forward block. Heights are
// widths: d_model above, d_inner below, on one scale.
function layerPicture(member) {
  const perLayer = (values) => (typeof values === 'number' ? d3.range(member.n_layer).map(() => values) : values);
  const inner = perLayer(member.d_inner);
  const heads = perLayer(member.n_head);
  const room = { width: 320, attention: 60, feedForward: 76, left: 4, gap: 3 };
  const pitch = Math.min(34, (room.width - room.left * 2) / member.n_layer);
  const box = Math.max(0.5, pitch - Math.min(4, pitch * 0.2));
  const scale = Math.min(room.attention / member.d_model, room.feedForward / d3.max(inner));
  const middle = Math.max(2, member.d_model * scale) + 2;
  const bottom = middle + room.gap + d3.max(inner) * scale;
  const height = bottom + 16;
  const figure = element('figure', { class: 'layers' });
  const heterogeneous = d3.extent(inner)[0] !== d3.extent(inner)[1] || d3.extent(heads)[0] !== d3.extent(heads)[1];
  const words = heterogeneous ? `Layer by layer: d_inner ${inner.join(', ')}; heads ${heads.join(', ')}.` :
    `${plural(member.n_layer, 'equal layer', 'equal layers')}: d_inner ${inner[0]}, ${plural(heads[0], 'head', 'heads')}.`;
  const svg = d3.select(figure).append('svg').attr({
    viewBox: `0 0 ${room.width} ${height}`, role: 'img', class: 'layer-picture', 'aria-label': words,
  });
  inner.forEach((width, layer) => {
    const x = room.left + layer * pitch;
    const column = svg.append('g').attr('class', 'layer');
    column.append('title').text(`layer ${layer + 1}: ${plural(heads[layer], 'head', 'heads')} of ${member.d_model / heads[layer]}, d_inner ${width}`);
    const tall = Math.max(2, member.d_model * scale);
    const slice = tall / heads[layer];
    if (slice >= 1.6) {
      d3.range(heads[layer]).forEach((head) => column.append('rect').attr({
        class: 'head', x, y: middle - tall + head * slice, width: box, height: Math.max(0.8, slice - 0.8), rx: 1 }));
    } else {
      column.append('rect').attr({ class: 'head', x, y: middle - tall, width: box, height: tall, rx: 1 });
    }
    column.append('rect').attr({ class: 'inner', x, y: middle + room.gap, width: box, height: Math.max(1, width * scale), rx: 1 });
    if (pitch >= 14 || layer === 0 || layer === member.n_layer - 1) {
      column.append('text').attr({ x: x + box / 2, y: bottom + 12, 'text-anchor': 'middle' }).text(layer + 1);
    }
  });
  const caption = element('figcaption', {}, element('span', { class: 'key key-head' }), 'attention, split into heads',
    element('span', { class: 'key key-inner' }), 'feed-forward');
  figure.append(caption);
  return figure;
}
listen('selected', drawDetail);
