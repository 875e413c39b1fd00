import type { JsonObject } from '../../../lib/json.ts';
import type { ResourceType } from '../../../model/resource.ts';
import type { Compat } from '../../session.ts';
import type { Columns } from '../table.ts';
import { dataplaneColumns, oldDataplaneColumns } from './dataplane.ts';
import { globalColumns, meshScopedColumns, oldGlobalColumns, oldMeshScopedColumns } from './generic.ts';
import { meshColumns, oldMeshColumns } from './mesh.ts';

type ByCompat = Readonly<Record<Compat, Columns<JsonObject>>>;

/** Types that show more than mesh, name and age. A further one is a file beside this and one line here. */
const ownColumns: Readonly<Record<string, ByCompat>> = {
  Mesh: { '2.14': meshColumns, '0.1': oldMeshColumns },
  Dataplane: { '2.14': dataplaneColumns, '0.1': oldDataplaneColumns },
};

const byScope: Readonly<Record<ResourceType['scope'], ByCompat>> = {
  mesh: { '2.14': meshScopedColumns, '0.1': oldMeshScopedColumns },
  global: { '2.14': globalColumns, '0.1': oldGlobalColumns },
};

/** The table in which `kumactl get` shows a type. */
export function findColumns(type: ResourceType, compat: Compat): Columns<JsonObject> {
  return (ownColumns[type.name] ?? byScope[type.scope])[compat];
}
