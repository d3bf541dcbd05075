// What the reader has chosen; every view listens and none talks to another.
const state = {
  pair: 0,                // index into pairs
  count: members.length,  // the search as it stood after so many evaluations
  selected: balanced,     // a member, shown in detail
  active: null,           // {member, anchor}: pointed at or focused; anchor is where its tooltip stands, or null
  logX: null,             // true or false once the reader chose, null: as the range asks
  logY: null,
  caps: objectives.map(() => null),  // the reader's budget: the most of each cost, null: no cap
  showAll: false,         // the table: all evaluated instead of the front
};
const listeners = {};
function listen(name, update) {
  (listeners[name] = listeners[name] || []).push(update);
}
function change(name, value) {
  if (state[name] === value) return;
  state[name] = value;
  (listeners[name] || []).forEach((update) => update(value));
}

// Says it to screen readers and, for a moment, to eyes.
let toastTimer = 0;
function announce(text) {
  const toast = document.getElementById('toast');
  toast.textContent = text;
  toast.classList.add('shown');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => toast.classList.remove('shown'), 2500);
}

// Copies with the browser's clipboard or, where it says no (older browsers, pages opened from a file), by selecting.
function copyText(text, what, button) {
  const bySelection = () => {
    const area = element('textarea', { readonly: '', class: 'visually-hidden', 'aria-hidden': 'true', tabindex: '-1' });
    area.value = text;
    area.style.whiteSpace = 'pre';  // the hidden class's nowrap would cost the copy its indentation
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    let copied = false;
    try {
      copied = document.execCommand('copy');
    } catch (error) {
      copied = false;
    }
    area.remove();
    if (focused) focused.focus({ preventScroll: true });
    return copied;
  };
  const tell = (copied) => {
    announce(copied ? `Copied ${what}` : `The browser refused to copy ${what}: select the text and copy it yourself`);
    if (!copied || !button) return;
    button.classList.add('copied');
    const before = button.dataset.label || button.textContent;
    button.dataset.label = before;
    button.textContent = 'Copied ✓';
    setTimeout(() => {
      button.classList.remove('copied');
      button.textContent = before;
    }, 1800);
  };
  if (navigator.clipboard && navigator.clipboard.writeText) {
    navigator.clipboard.writeText(text).then(() => tell(true), () => tell(bySelection()));
  } else {
    tell(bySelection());
  }
}
