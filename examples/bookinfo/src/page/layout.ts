import { type Html, html } from './html.ts';
import { STYLE } from './style.ts';

/** A whole document: the head, the bar on top with the visitor's name or the sign-in form, and the content. */
export function layout(title: string, user: string | undefined, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<header class="bar">
<a class="brand" href="/">Bookinfo</a>
${user === undefined ? SIGN_IN : signedIn(user)}
</header>
<main>
${content}
</main>
</body>
</html>
`.html;
}

const SIGN_IN = html`<form class="sign-in" method="post" action="/login" aria-label="Sign in">
<label for="username">Name</label> <input id="username" name="username" autocomplete="username" required maxlength="100">
<label for="passwd">Password (any)</label> <input id="passwd" name="passwd" type="password" autocomplete="off">
<button type="submit">Sign in</button>
</form>`;

function signedIn(user: string): Html {
  return html`<p class="sign-in">${user} <a href="/logout">Sign out</a></p>`;
}
