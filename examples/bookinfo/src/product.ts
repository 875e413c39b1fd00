/** The one book of the shop. */
export const PRODUCT = {
  id: 0,
  title: 'The Comedy of Errors',
  descriptionHtml:
    '<cite>The Comedy of Errors</cite> is one of Shakespeare’s first plays and his shortest: two pairs of twins, parted ' +
    'at birth, come to the same town on the same day, and nobody can tell who is who.',
};
