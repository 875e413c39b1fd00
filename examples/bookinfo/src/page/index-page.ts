import { html } from './html.ts';
import { layout } from './layout.ts';

const SERVICES = [
  { name: 'productpage', tells: 'this page', calls: 'details, reviews' },
  { name: 'details', tells: 'what the book is', calls: 'nobody' },
  {
    name: 'reviews',
    tells: 'what readers say; v1 without stars, v2 with black, v3 with red ones',
    calls: 'ratings (v2, v3)',
  },
  { name: 'ratings', tells: 'how many stars they give', calls: 'nobody' },
];

/** The start page: what Bookinfo is made of, and the two ways into the product page. */
export function renderIndexPage(): string {
  const rows = SERVICES.map(
    ({ name, tells, calls }) => html`<tr><th scope="row">${name}</th><td>${tells}</td><td>${calls}</td></tr>
`,
  );
  return layout(
    'Bookinfo',
    undefined,
    html`<h1>Bookinfo</h1>
<p class="lead">A bookshop in four services, each behind a proxy of its own.</p>
<table class="card">
<caption>The services</caption>
<thead><tr><th scope="col">Service</th><th scope="col">Tells</th><th scope="col">Calls</th></tr></thead>
<tbody>
${rows}</tbody>
</table>
<p class="ways"><a class="button" href="/productpage?u=normal">Normal user</a> <a class="button" href="/productpage?u=test">Test user</a></p>`,
  );
}
