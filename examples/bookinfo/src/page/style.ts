/** The look of all pages: paper and ink by day, the other way round by night. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fbf7ef; --card: #fff; --ink: #2b2622; --soft: #6d6259; --line: #e6dccb;
  --accent: #7a2e3a; --accent-ink: #fff; --red: #c22f3d; }
@media (prefers-color-scheme: dark) { :root { --paper: #1d1a18; --card: #282421; --ink: #efe8dd; --soft: #b3a798;
  --line: #40392f; --accent: #e2a1ab; --accent-ink: #2b1216; --red: #ff8a93; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 Georgia, 'Times New Roman', serif; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.bar { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: center; justify-content: space-between;
  padding: .75rem 1.5rem; border-bottom: 1px solid var(--line); background: var(--card); font: .9375rem/1.4 system-ui, sans-serif; }
.brand { font: 700 1.25rem Georgia, serif; text-decoration: none; letter-spacing: .02em; }
.sign-in { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 0; }
.sign-in input { font: inherit; width: 9rem; padding: .25rem .5rem; border: 1px solid var(--soft); border-radius: .375rem;
  background: var(--paper); color: inherit; }
button, .button { font: 600 .9375rem system-ui, sans-serif; padding: .375rem .875rem; border: 0; border-radius: .375rem;
  background: var(--accent); color: var(--accent-ink); text-decoration: none; cursor: pointer; }
main { max-width: 64rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { margin: 0 0 .5rem; font-size: clamp(2rem, 6vw, 3.25rem); line-height: 1.1; font-weight: 400; }
h2 { margin: 0 0 1rem; font-size: 1.375rem; font-weight: 400; }
h3 { margin: 0 0 .25rem; font-size: 1.0625rem; }
p { margin: 0 0 .5rem; }
.lead { max-width: 42rem; margin-bottom: 2.5rem; color: var(--soft); font-size: 1.1875rem; }
.columns { display: grid; gap: 2.5rem; grid-template-columns: minmax(16rem, 1fr) 2fr; }
@media (max-width: 46rem) { .columns { grid-template-columns: 1fr; } }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem 1.5rem; margin: 0 0 1.25rem; }
table.card { width: 100%; border-collapse: separate; border-spacing: 0; padding: .5rem 1.5rem; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { padding: .625rem 1rem .625rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
th { font: 600 .875rem/1.7 system-ui, sans-serif; color: var(--soft); white-space: nowrap; }
blockquote { margin: 0 0 .75rem; font-size: 1.1875rem; font-style: italic; }
.by { color: var(--soft); }
.by::before { content: '\\2014\\00a0'; }
.served { margin-top: .75rem; padding-top: .75rem; border-top: 1px dashed var(--line); font: .875rem system-ui, sans-serif; color: var(--soft); }
.badge { padding: .125rem .5rem; border-radius: 1rem; background: var(--accent); color: var(--accent-ink); font-weight: 600; }
.inline { display: inline; }
.flex { display: flex; } .gap-x-1 { column-gap: .25rem; } .flex { margin-bottom: .5rem; }
.star { width: 1.375rem; height: 1.375rem; }
.text-red-500 { color: var(--red); }
.hint { margin-top: 1rem; color: var(--soft); font: .9375rem system-ui, sans-serif; }
.ways { display: flex; gap: 1rem; margin-top: 1.5rem; }
`;
