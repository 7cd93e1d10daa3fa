/** Something that was used in a window of time; never changed. */
export interface UsageFactTable {
  org_id: string;
  id: string;
  meter: string;
  quantity: number;
  window_start: Date;
  window_end: Date;
  resource_id: string;
  project_id: string | null;
  source_event_id: string;
}

/** When a server began and ceased to run, as its events tell in whatever order they come. */
export interface MeteredServerTable {
  org_id: string;
  server_id: string;
  ready_at: Date | null;
  deleted_at: Date | null;
  deleted_event_id: string | null;
}
