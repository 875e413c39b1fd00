import type { Answer } from '../get-json.ts';
import { PRODUCT } from '../product.ts';
import { type Html, html } from './html.ts';
import { layout } from './layout.ts';
import { renderReviews } from './reviews-section.ts';

export interface ProductPageContent {
  readonly user: string | undefined;
  readonly details: Answer;
  readonly reviews: Answer;
}

const ROWS = [
  ['ISBN-10', 'ISBN-10'],
  ['Publisher', 'publisher'],
  ['Pages', 'pages'],
  ['Type', 'type'],
  ['Language', 'language'],
] as const;

/** The page of the book. What could not be had is said in its place; the rest is there all the same. */
export function renderProductPage({ user, details, reviews }: ProductPageContent): string {
  return layout(
    PRODUCT.title,
    user,
    html`<h1 class="title">${PRODUCT.title}</h1>
<p class="lead">${{ html: PRODUCT.descriptionHtml }}</p>
<div class="columns">
<section aria-labelledby="details">
<h2 id="details">Book details</h2>
${renderDetails(details)}
</section>
<section aria-labelledby="reviews">
<h2 id="reviews">Reviews</h2>
${renderReviews(reviews)}
</section>
</div>
<p class="hint">Load the page again: the reviews may come from another version.</p>`,
  );
}

function renderDetails({ status, body }: Answer): Html {
  if (status !== 200 || typeof body !== 'object' || body === null) {
    return html`<div class="card" role="alert">
<h3 class="text-red-500">Error fetching product details</h3>
<p>Sorry, product details are currently unavailable for this book.</p>
</div>`;
  }
  const values = body as Readonly<Record<string, unknown>>;
  const rows = ROWS.map(
    ([label, key]) => html`<tr><th scope="row">${label}</th><td>${String(values[key] ?? '')}</td></tr>
`,
  );
  return html`<table class="card">
<tbody>
${rows}</tbody>
</table>`;
}
