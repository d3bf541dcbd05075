// The table of the front, or of all evaluated: sorts by any column, by mouse or keyboard.
const table = { body: null, rows: new Map(), sort: { column: objectives.length > 0 ? 0 : -1, up: objectives.length === 0 || !objectives[0].maximize } };
const SHAPE = -1;  // the first column; then the data's columns; then when it was found
const FOUND = columns.length;

function sortKey(member, column) {
  if (column === FOUND) return member.index;
  return numberOf(member, column);
}
function compareMembers(a, b) {
  const { column, up } = table.sort;
  if (column === SHAPE) {
    const mean = (values) => d3.mean([].concat(values));
    const order = a.n_layer - b.n_layer || a.d_model - b.d_model || mean(a.d_inner) - mean(b.d_inner) || mean(a.n_head) - mean(b.n_head);
    return (up ? order : -order) || a.index - b.index;
  }
  const [x, y] = [sortKey(a, column), sortKey(b, column)];
  if (x === null || y === null) return (x === null) - (y === null) || a.index - b.index;  // unknown ones last, always
  return (up ? x - y : y - x) || a.index - b.index;
}

function headCell(column, title) {
  const th = element('th', { scope: 'col', class: column === SHAPE ? 'shape-column' : 'number-column' });
  const button = element('button', { type: 'button', class: 'sort' }, title);
  button.addEventListener('click', () => {
    const better = column >= 0 && column < columns.length && columns[column].maximize ? false : true;  // best first
    table.sort = { column, up: table.sort.column === column ? !table.sort.up : better };
    fillTable();
    announce(`Sorted by ${lower(title)}, ${table.sort.up ? 'ascending' : 'descending'}`);
  });
  th.append(button);
  th.dataset.column = column;
  return th;
}

function drawTable() {
  const host = document.getElementById('table-scroll');
  const head = element('tr', {}, headCell(SHAPE, 'Decoder'));
  columns.forEach((column, k) => head.append(headCell(k, column.title)));
  head.append(headCell(FOUND, 'Found'), element('th', { scope: 'col', class: 'copy-column' }, 'Config'));
  table.body = element('tbody', {});
  table.caption = element('caption', { class: 'visually-hidden' });
  host.replaceChildren(element('table', { id: 'table' }, table.caption, element('thead', {}, head), table.body));
  table.body.addEventListener('mouseover', (event) => {
    const member = memberOfRow(event.target);
    if (member) change('active', { member, anchor: null });
  });
  table.body.addEventListener('mouseleave', () => change('active', null));
  table.body.addEventListener('click', (event) => {
    const member = memberOfRow(event.target);
    if (member && !event.target.closest('.copy')) change('selected', member);
  });
  const toggle = document.getElementById('show-all');
  document.getElementById('show-all-text').textContent = `Show all ${members.length} evaluated`;
  toggle.addEventListener('change', () => change('showAll', toggle.checked));
  toggle.closest('label').hidden = members.length === frontMembers.length + nearTies.length;
  fillTable();
}
function memberOfRow(node) {
  const row = node.closest('tr');
  return row && row.dataset.index !== undefined ? members[Number(row.dataset.index)] : null;
}

function fillTable() {
  const shown = (state.showAll ? members.slice() : frontMembers.concat(nearTies)).sort(compareMembers);
  document.querySelectorAll('#table thead th').forEach((th) => {
    if (Number(th.dataset.column) === table.sort.column) th.setAttribute('aria-sort', table.sort.up ? 'ascending' : 'descending');
    else th.removeAttribute('aria-sort');
  });
  table.caption.textContent = state.showAll ? `All ${members.length} evaluated decoders` : `The ${frontMembers.length} decoders of the front` +
    (nearTies.length > 0 ? ` and ${plural(nearTies.length, 'near-tie', 'near-ties')}` : '');
  const rows = shown.map((member) => {
    if (!table.rows.has(member)) table.rows.set(member, bodyRow(member));
    return table.rows.get(member);
  });
  if (rows.length === 0) {
    rows.push(element('tr', {}, element('td', { colspan: columns.length + 3, class: 'empty' },
      members.length === 0 ? 'No decoder has been evaluated yet.' : 'The front is empty: no decoder satisfies the constraints.')));
  }
  table.body.replaceChildren(...rows);
  markRows();
}

function bodyRow(member) {
  const name = element('button', { type: 'button', class: 'name' }, member.name);
  const row = element('tr', { 'data-index': member.index, class: member.on_front ? 'on-front' : null },
    element('th', { scope: 'row' }, name, member.near_tie ? element('span', { class: 'tag tie' }, 'near-tie') : null));
  columns.forEach((column, k) => {
    const cell = member.values[k];
    const td = element('td', {}, element('span', { class: 'value' }, cellText(k, cell)));
    if (hasInterval(cell)) td.append(element('span', { class: 'interval' }, humanRange(cell.lo, cell.hi, column.unit, cell.v)));
    if (isMeasured(cell) && cell.noisy) td.append(element('span', { class: 'badge' }, 'noisy'));
    row.append(td);
  });
  row.append(element('td', {}, element('span', { class: 'value' }, member.at_s > 0 ? humanSeconds(member.at_s) : `#${member.index + 1}`),
    element('span', { class: 'interval' }, `iteration ${member.iteration}`)));
  const copy = element('button', { type: 'button', class: 'copy', 'aria-label': `Copy the config of ${member.name}` }, 'Copy');
  copy.addEventListener('click', () => copyText(member.config, `the config of ${member.name}`, copy));
  row.append(element('td', { class: 'copy-column' }, copy));
  return row;
}

// The selected and the active member, shown in the rows that exist.
function markRows() {
  table.rows.forEach((row, member) => {
    if (member === state.selected) row.setAttribute('aria-current', 'true');
    else row.removeAttribute('aria-current');
    row.classList.toggle('active', Boolean(state.active) && state.active.member === member);
  });
}
listen('showAll', fillTable);
listen('selected', markRows);
listen('active', markRows);
