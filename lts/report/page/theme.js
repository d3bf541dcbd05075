// Light or dark: as the system, until the reader presses the button; remembered where the browser allows.
function setUpTheme() {
  const button = document.getElementById('theme');
  const prefersDark = window.matchMedia('(prefers-color-scheme: dark)');
  const chosen = () => document.documentElement.dataset.theme;
  const isDark = () => (chosen() ? chosen() === 'dark' : prefersDark.matches);
  const show = () => button.setAttribute('aria-pressed', isDark());
  let remembered = null;
  try {
    remembered = localStorage.getItem('lts-theme');
  } catch (error) {
    remembered = null;  // storage is switched off: the choice lasts as long as the page
  }
  if (remembered === 'dark' || remembered === 'light') document.documentElement.dataset.theme = remembered;
  show();
  prefersDark.addEventListener('change', show);
  button.addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    try {
      localStorage.setItem('lts-theme', chosen());
    } catch (error) {
      remembered = null;
    }
    show();
  });
}
