export interface Migration {
  /** 1, 2, 3, … without gaps; never changed once released. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * The schema, step by step. `store_revision` has one row, which survives deletes: the newest revision is not
 * the largest one found in `resources`. The foreign key guards what the batch planner promises: no resource
 * outlives its owner. It is checked at commit, so that the order inside a batch is free.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'resources',
    sql: `
      CREATE TABLE resources (
        type TEXT NOT NULL,
        mesh TEXT NOT NULL,
        name TEXT NOT NULL,
        revision INTEGER NOT NULL,
        spec TEXT NOT NULL,
        labels TEXT NOT NULL,
        creation_time TEXT NOT NULL,
        modification_time TEXT NOT NULL,
        owner_type TEXT,
        owner_mesh TEXT,
        owner_name TEXT,
        PRIMARY KEY (type, mesh, name),
        FOREIGN KEY (owner_type, owner_mesh, owner_name)
          REFERENCES resources (type, mesh, name) DEFERRABLE INITIALLY DEFERRED
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX resources_by_owner ON resources (owner_type, owner_mesh, owner_name);
      CREATE TABLE store_revision (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL
      ) STRICT;
      INSERT INTO store_revision (id, revision) VALUES (1, 0);
    `,
  },
];
