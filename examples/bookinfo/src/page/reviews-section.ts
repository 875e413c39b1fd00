import type { Answer } from '../get-json.ts';
import { type Html, html } from './html.ts';

/** What the reviews service answers, as far as the page reads it. Every part may be missing or of another type. */
interface ReviewsBody {
  readonly podname?: unknown;
  readonly clustername?: unknown;
  readonly reviews?: unknown;
}

interface Review {
  readonly reviewer?: unknown;
  readonly text?: unknown;
  readonly rating?: { readonly stars?: unknown; readonly color?: unknown; readonly error?: unknown };
}

const STAR = 'M12 2l3.1 6.3 6.9 1-5 4.9 1.2 6.8-6.2-3.2-6.2 3.2L7 14.2 2 9.3l6.9-1z';

/** All reviews with who served them, or the error in their place. */
export function renderReviews({ status, body }: Answer): Html {
  const { podname, clustername, reviews } = (body ?? {}) as ReviewsBody;
  if (status !== 200 || !Array.isArray(reviews)) {
    return html`<div class="card" role="alert">
<h3 class="text-red-500">Error fetching product reviews</h3>
<p>Sorry, product reviews are currently unavailable for this book.</p>
</div>`;
  }
  const servedBy = renderServedBy(String(podname), clustername === 'null' ? undefined : String(clustername));
  return html`${(reviews as Review[]).map((review) => renderReview(review, servedBy))}`;
}

function renderReview({ reviewer, text, rating }: Review, servedBy: Html): Html {
  return html`<article class="card">
<blockquote><p>&quot;${String(text)}&quot;</p></blockquote>
${rating === undefined ? undefined : renderRating(rating)}
<p class="by">${String(reviewer)}</p>
${servedBy}
</article>
`;
}

function renderServedBy(podName: string, clusterName: string | undefined): Html {
  const cluster =
    clusterName === undefined ? undefined : html` on cluster <div class="inline">${clusterName}</div>`;
  return html`<div class="served">Reviews served by: <span class="badge">${podName}</span>${cluster}</div>`;
}

function renderRating({ stars, color, error }: NonNullable<Review['rating']>): Html | undefined {
  if (error !== undefined) return html`<p class="text-red-500" role="status">${String(error)}</p>`;
  const count = Math.min(5, Math.max(0, Math.round(Number(stars))));
  if (!(count > 0)) return undefined;
  // It becomes part of a class name.
  const safeColor = typeof color === 'string' && /^[a-z]{1,20}$/.test(color) ? color : 'black';
  const drawn = Array.from({ length: 5 }, (_, index) => (index < count ? FILLED : OUTLINE));
  return html`<div class="flex gap-x-1 text-${safeColor}-500" role="img" aria-label="${count} of 5 stars">${drawn}</div>`;
}

// The id is the mark by which stars are counted from outside, in every Bookinfo.
const FILLED = html`<svg id="glyphicon glyphicon-star" class="star" viewBox="0 0 24 24" aria-hidden="true" fill="currentColor"><path d="${STAR}"/></svg>`;
const OUTLINE = html`<svg class="star" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5"><path d="${STAR}"/></svg>`;
