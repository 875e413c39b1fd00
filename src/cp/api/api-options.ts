import type { JsonObject } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import type { DataplaneInsightSpec } from '../../model/insight.ts';
import type { ResourceManager } from '../resources/manager.ts';
import type { AccessRules } from './access.ts';

export interface ApiOptions {
  readonly manager: ResourceManager;
  readonly insights: LiveInsights;
  /** Effective configuration as `/config` shows it, without secrets. */
  readonly config: JsonObject;
  readonly identity: Identity;
  readonly logger: Logger;
  readonly access: AccessRules;
}

/** What this process knows of connected proxies, newer than the stored DataplaneInsight. */
export interface LiveInsights {
  get(mesh: string, name: string): DataplaneInsightSpec | undefined;
}

export interface Identity {
  readonly version: string;
  readonly instanceId: string;
  readonly clusterId: string;
  readonly hostname: string;
}
