import { json, NOT_FOUND, type Service } from './http-server.ts';

/** What a bookshop knows of a book. There is one book, whatever number is asked for. */
export const details: Service = ({ method, path }) => {
  if (method !== 'GET') return NOT_FOUND;
  if (path === '/health') return json(200, { status: 'Details is healthy' });
  const id = /^\/details\/([^/]+)$/.exec(path)?.[1];
  if (id === undefined) return NOT_FOUND;
  if (!/^-?\d{1,15}$/.test(id)) return json(400, { error: 'please provide numeric product id' });
  return json(200, {
    id: Number(id),
    author: 'William Shakespeare',
    year: 1595,
    type: 'paperback',
    pages: 200,
    publisher: 'PublisherA',
    language: 'English',
    'ISBN-10': '1234567890',
    'ISBN-13': '123-1234567890',
  });
};
