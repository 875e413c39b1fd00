/** Where the admin interface of an Envoy listens: a unix socket, or a port on 127.0.0.1. */
export type AdminPlace = { readonly socketPath: string } | { readonly port: number };
